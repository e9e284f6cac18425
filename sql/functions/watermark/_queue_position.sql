create or replace function _queue_position()
returns bigint
language plpgsql
volatile
as $_queue_position$
begin
    -- The sequence must be read before this transaction takes an id. In the opposite order the two prove nothing.
    if pg_current_xact_id_if_assigned() is not null then
        return null;
    end if;
    return (select s.last_value from number_seq as s where s.is_called);
end
$_queue_position$;

comment on function _queue_position() is
    'The last queue number that was drawn. Together with a transaction id taken later it proves a watermark. Null if '
    'this transaction already has an id.';
