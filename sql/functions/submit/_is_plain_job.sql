create or replace function _is_plain_job(payload jsonb, bytes integer, priority integer)
returns boolean
language sql
immutable
as $_is_plain_job$
    select jsonb_typeof(payload) = 'object' and bytes <= 1024 and priority between 0 and 999
$_is_plain_job$;

comment on function _is_plain_job(jsonb, integer, integer) is
    'Returns whether the payload and the priority of a job that has nothing else but its need are valid. bytes: the '
    'length of the payload as text. Inlined where it is called. Never true of what _check_submit refuses.';
