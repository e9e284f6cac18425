create or replace function _check_policy(argument text, on_dependency_failure text)
returns void
language plpgsql
stable
as $_check_policy$
begin
    if on_dependency_failure not in ('hold', 'cascade', 'release') then
        perform _raise_invalid_argument(argument, 'must be one of hold, cascade, release');
    end if;
end
$_check_policy$;

comment on function _check_policy(text, text) is
    'Raises LH010 if the value of on_dependency_failure is unknown. Null passes.';
