create or replace function _entry_state(blocked boolean, available_at timestamptz, now timestamptz)
returns text
language sql
immutable
as $_entry_state$
    select case when blocked then 'blocked' when available_at > now then 'scheduled' else 'ready' end
$_entry_state$;

comment on function _entry_state(boolean, timestamptz, timestamptz) is
    'Returns the state in which a job enters: blocked while it waits for others, scheduled until available_at (null: '
    'now), else ready. Inlined where it is called.';
