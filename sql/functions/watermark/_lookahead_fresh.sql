create or replace function _lookahead_fresh(noted_at timestamptz, surveyed_at timestamptz, now timestamptz)
returns boolean
language sql
stable
as $_lookahead_fresh$
    select _is_recent(noted_at, now) and surveyed_at > now - interval '100 ms'
$_lookahead_fresh$;

comment on function _lookahead_fresh(timestamptz, timestamptz, timestamptz) is
    'Whether a claim may go by a lane cache or a lookahead. However often these are recorded, ten times a second a '
    'claim must find them outdated, take the long way, and run the maintenance that is due.';
