create or replace function _is_recent(noted_at timestamptz, now timestamptz)
returns boolean
language sql
immutable
as $_is_recent$
    select noted_at between now - interval '20 ms' and now
$_is_recent$;

comment on function _is_recent(timestamptz, timestamptz) is
    'Whether watermarks, a lane cache or a lookahead were recorded in the last 20 ms. They are then not recorded '
    'again, except after many claims: at most fifty times a second.';
