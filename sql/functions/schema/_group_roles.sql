create or replace function _group_roles(schema_name text)
returns jsonb
language sql
immutable
as $_group_roles$
    -- Roles belong to the whole server, not to a database. Their names therefore contain the name of the schema, or a
    -- hash of it where it is too long.
    select
        jsonb_object_agg(
            case
                when octet_length(schema_name || '_' || g.word) <= 63 then schema_name || '_' || g.word
                else left(schema_name, 9) || to_hex(hashtextextended(schema_name, 0)) || '_' || g.word
            end,
            g.word
        )
    from (values ('submitter'), ('worker'), ('reader'), ('operator')) as g (word)
$_group_roles$;

comment on function _group_roles(text) is 'Returns the group roles of a schema: the purpose of each by its name.';
