create or replace function _check_lease(lease interval)
returns void
language plpgsql
stable
as $_check_lease$
begin
    if _duration(lease) <= interval '0' then
        perform _raise_invalid_argument('lease', 'must be longer than nothing');
    elsif _duration(lease) > _duration(_setting_value('max_lease')::interval) then
        perform _raise_invalid_argument('lease', format('must not be longer than %s', _setting_value('max_lease')), 'Extend the lease while you work, or raise the setting max_lease.');
    end if;
end
$_check_lease$;

comment on function _check_lease(interval) is 'Refuses a lease that is not positive, or longer than the setting max_lease (LH010). Null passes.';
