create or replace function _lane_priority(priority smallint)
returns smallint
language sql
immutable
as $_lane_priority$
    select greatest(priority, -1 - priority)::smallint
$_lane_priority$;

comment on function _lane_priority(smallint) is
    'The priority of the jobs of a lane, given lane.priority, which is -1 less that priority for a retired lane.';
