create or replace function _answer(answer jsonb)
returns outcome
language sql
immutable
as $_answer$
    select (answer ->> 'state', (answer ->> 'available_at')::timestamptz, (answer ->> 'attempt')::integer)::outcome
$_answer$;

comment on function _answer(jsonb) is 'An answer as it was given before.';
