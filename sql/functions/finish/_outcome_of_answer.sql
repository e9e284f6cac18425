create or replace function _outcome_of_answer(answer jsonb)
returns outcome
language sql
immutable
as $_outcome_of_answer$
    select (answer ->> 'state', (answer ->> 'available_at')::timestamptz, (answer ->> 'attempt')::integer)::outcome
$_outcome_of_answer$;

comment on function _outcome_of_answer(jsonb) is 'The stored answer of an earlier call as an outcome.';
