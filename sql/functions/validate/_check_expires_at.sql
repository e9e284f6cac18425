create or replace function _check_expires_at(argument text, expires_at timestamptz, now timestamptz)
returns void
language plpgsql
stable
as $_check_expires_at$
begin
    perform _check_time(argument, expires_at);
    if expires_at <= now then
        perform _raise_invalid_argument(
            argument, 'must be in the future', 'It is the last moment at which the job may start.'
        );
    end if;
end
$_check_expires_at$;

comment on function _check_expires_at(text, timestamptz, timestamptz) is
    'Raises LH010 if expires_at has passed. Null passes.';
