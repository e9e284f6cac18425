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

comment on function _check_policy(text, text) is 'Refuses an unknown on_dependency_failure (LH010). Null passes.';
