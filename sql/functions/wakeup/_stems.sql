create or replace function _stems(need text)
returns text[]
language sql
immutable
as $_stems$
    -- 'a.b.c': the need itself, 'a.b.', 'a.' and ''
    select array[need, ''] || array(
        select left(need, p.n) from generate_series(1, length(need)) as p (n) where substr(need, p.n, 1) = '.'
    )
$_stems$;

comment on function _stems(text) is
    'Under which stems the capabilities that cover a need are filed (_stem): so that a submit finds who waits by a few probes, not by asking everyone.';
