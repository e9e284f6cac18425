create or replace function _announce(next_need text, priority smallint, state text, awaited boolean, now timestamptz)
returns void
language plpgsql
volatile
as $_announce$
begin
    -- unknown: its lane was never used before
    if awaited is null then
        perform _open_lane(next_need, priority, now);
    end if;
    if state = 'ready' then
        perform _ring(array[next_need]);
    end if;
end
$_announce$;

comment on function _announce(text, smallint, text, boolean, timestamptz) is
    'What is left to do for a job just written that somebody waits for (awaited), or whose lane was not known (null): sees to it that it is, and rings.';
