create or replace function _invalidation_id()
returns bigint
language sql
volatile
as $_invalidation_id$
    select _first_invalidation_id() + nextval('watermark_watermark_id_seq')
$_invalidation_id$;

comment on function _invalidation_id() is
    'The watermark_id of a row that says that a lane was opened or a setting was changed. It is greater than that of '
    'every row of _advance_watermarks, later ones included, so that no claim goes by watermarks that do not know of '
    'the change. _advance_watermarks removes such a row after it has seen it.';
