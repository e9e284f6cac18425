create or replace function _raise_state_change()
returns trigger
language plpgsql
security definer
set search_path from current
as $_raise_state_change$
begin
    if new.state is distinct from old.state then
        raise exception 'the state of a job cannot be updated from % to %', old.state, coalesce(new.state, 'null')
            using errcode = 'LH009',
                  detail = jsonb_build_object('job_id', old.job_id, 'state', old.state)::text,
                  hint = 'Each state has its table. Call cancel, redrive, complete_unheld, fail_unheld or '
                      'reschedule_unheld.';
    end if;
    return new;
end
$_raise_state_change$;

comment on function _raise_state_change() is
    'Trigger of the tables of jobs and of archive. Raises LH009 if a statement from outside the engine updates a '
    'state. The engine''s functions delete and insert rows instead.';
