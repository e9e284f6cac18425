create or replace function _top_mark_id()
returns bigint
language sql
volatile
as $_top_mark_id$
    select 4611686018427387904 + nextval('mark_mark_id_seq')
$_top_mark_id$;

comment on function _top_mark_id() is
    'The mark_id of a row that comes after all rows of _move_marks, those that are written later included: a lane was opened, or a setting changed, and claims '
    'must not go by marks that do not know of it. A move that has seen it removes it.';
