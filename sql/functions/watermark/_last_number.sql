create or replace function _last_number()
returns bigint
language plpgsql
volatile
as $_last_number$
begin
    -- the reading first, the transaction id after it: the other way round the pair proves nothing
    if pg_current_xact_id_if_assigned() is not null then
        return null;
    end if;
    return (select s.last_value from number_seq as s where s.is_called);
end
$_last_number$;

comment on function _last_number() is
    'The last queue number that was drawn, for a mark to be proven by; null in a transaction that has an id already.';
