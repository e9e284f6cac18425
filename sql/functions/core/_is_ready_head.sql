create or replace function _is_ready_head(state text, parked boolean, singleton_key text)
returns boolean
language sql
immutable
as $_is_ready_head$
    select state = 'ready' and not parked and singleton_key is not null
$_is_ready_head$;

comment on function _is_ready_head(text, boolean, text) is
    'Whether a job is the head of a singleton key: ready, with a key, and not parked. Inlined, so that it implies the '
    'predicate of job_ready_head_idx.';
