create or replace function _stems(need text)
returns text[]
language sql
immutable
as $_stems$
    -- of 'a.b.c': the need itself, 'a.b.', 'a.' and ''
    select array[need, ''] || array(
        select left(need, p.n) from generate_series(1, length(need)) as p (n) where substr(need, p.n, 1) = '.'
    )
$_stems$;

comment on function _stems(text) is
    'The stems under which the capabilities that cover a need are filed (_stem): a submit finds the workers that wait '
    'for it by a few probes, without reading all of them.';
