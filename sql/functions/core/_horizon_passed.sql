create or replace function _horizon_passed(id xid8)
returns boolean
language sql
stable
as $_horizon_passed$
    select case
        when id <= pg_snapshot_xmin(pg_current_snapshot()) then true
        when id < pg_snapshot_xmax(pg_current_snapshot()) or id = pg_current_xact_id_if_assigned() then false
    end
$_horizon_passed$;

comment on function _horizon_passed(xid8) is
    'Whether all transactions older than this id have ended, as the snapshot of the calling statement shows it. If '
    'so, the statement sees everything that they committed. Null if that cannot be known: the id is null, or this '
    'server has not reached it. Such a foreign id was recorded on another server, before a restore. A caller treats '
    'it as not passed, and records a new id in its place. Inlined, so that a query asks with its own snapshot.';
