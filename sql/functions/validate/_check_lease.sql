create or replace function _check_lease(lease interval)
returns void
language plpgsql
stable
as $_check_lease$
begin
    if _duration(lease) <= interval '0' then
        perform _raise_invalid_argument('lease', 'must be greater than zero');
    elsif _duration(lease) > _duration(_setting_value('max_lease')::interval) then
        perform _raise_invalid_argument(
            'lease', format('must not be longer than %s', _setting_value('max_lease')),
            'Extend the lease while you work, or raise the setting max_lease.'
        );
    end if;
end
$_check_lease$;

comment on function _check_lease(interval) is
    'Raises LH010 if the lease is not positive, or is longer than the setting max_lease. Null passes.';
