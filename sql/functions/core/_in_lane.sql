create or replace function _in_lane(next_need text, priority smallint, lane_need text, lane_priority smallint)
returns boolean
language sql
immutable
as $_in_lane$
    select hashtextextended(next_need, priority::bigint) = hashtextextended(lane_need, lane_priority::bigint)
        and next_need = lane_need
        and priority = lane_priority
$_in_lane$;

comment on function _in_lane(text, smallint, text, smallint) is
    'Whether a job (next_need, priority) is in this lane. Inlined, so that it matches ready_lane_idx: the index holds '
    'the hash of the lane, and the comparison of need and priority excludes other lanes with the same hash.';
