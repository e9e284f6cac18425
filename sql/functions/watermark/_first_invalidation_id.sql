create or replace function _first_invalidation_id()
returns bigint
language sql
immutable
as $_first_invalidation_id$
    select 4611686018427387904
$_first_invalidation_id$;

comment on function _first_invalidation_id() is
    'The least watermark_id of a row that invalidates watermarks (_invalidation_id), 2^62. Rows with a smaller id '
    'were written by _advance_watermarks.';
