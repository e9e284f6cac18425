create or replace function _lookahead_fresh(noted_at timestamptz, surveyed_at timestamptz, now timestamptz)
returns boolean
language sql
stable
as $_lookahead_fresh$
    select noted_at between now - interval '20 ms' and now and surveyed_at > now - interval '100 ms'
$_lookahead_fresh$;

comment on function _lookahead_fresh(timestamptz, timestamptz, timestamptz) is
    'Whether a front, or what is ahead, may be gone by. However often it is noted anew, ten times a second a claim is to take the long way, and do the '
    'upkeep.';
