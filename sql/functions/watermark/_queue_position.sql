create or replace function _queue_position()
returns bigint
language plpgsql
volatile
as $_queue_position$
begin
    -- the reading first, the transaction id after it: the other way round the pair proves nothing
    if pg_current_xact_id_if_assigned() is not null then
        return null;
    end if;
    return (select s.last_value from number_seq as s where s.is_called);
end
$_queue_position$;

comment on function _queue_position() is
    'The last queue number that was drawn, for a mark to be proven by; null in a transaction that has an id already.';
