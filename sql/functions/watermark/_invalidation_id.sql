create or replace function _invalidation_id()
returns bigint
language sql
volatile
as $_invalidation_id$
    select 4611686018427387904 + nextval('watermark_watermark_id_seq')
$_invalidation_id$;

comment on function _invalidation_id() is
    'The watermark_id of a row that comes after all rows of _advance_watermarks, those that are written later included: a lane was opened, or a setting changed, and claims '
    'must not go by marks that do not know of it. A move that has seen it removes it.';
