create or replace function _one_in_fifty()
returns boolean
language sql
volatile
as $_one_in_fifty$
    -- not by random(): workers that call setseed() before each job would all be chosen always, or never. 2 % of all uuids come before this one.
    select gen_random_uuid() < '051eb851-eb85-4000-8000-000000000000'
$_one_in_fifty$;

comment on function _one_in_fifty() is 'Whether this claim is the one in fifty, by chance, that moves the marks of its need. No session can sway it.';
