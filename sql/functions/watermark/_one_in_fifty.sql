create or replace function _one_in_fifty()
returns boolean
language sql
volatile
as $_one_in_fifty$
    -- Not random(): in workers that call setseed() before each job it would always be true, or never.
    -- 2 % of all uuids are less than this one.
    select gen_random_uuid() < '051eb851-eb85-4000-8000-000000000000'
$_one_in_fifty$;

comment on function _one_in_fifty() is
    'Whether this claim is the one in fifty, chosen at random, that advances the watermarks of its need. No session '
    'can influence the choice.';
