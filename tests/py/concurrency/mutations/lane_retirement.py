"""Lanes that are retired and removed."""

from __future__ import annotations

from concurrency.scenarios import lane_retirement

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the wait for older ids before a lane is removed",
        [lane_retirement.a_job_submitted_while_its_lane_was_being_retired_is_found],
        change("_retirement_step", "if not _horizon_passed(lane.seen_by) then", "if false then"),
    ),
    Mutation(
        "the wait for older snapshots before a lane is removed",
        [
            lane_retirement.a_job_whose_submitter_has_an_old_snapshot_is_found_after_its_lane_was_retired
        ],
        change("_retirement_step", "lane.retired_by < oldest", "true"),
    ),
    Mutation(
        "any wait before a lane is removed",
        [
            lane_retirement.a_job_whose_submitter_saw_its_lane_open_is_found_after_the_lane_was_retired
        ],
        change("_retirement_step", "lane.retired_by < oldest", "true")
        + change("_retirement_step", "if not _horizon_passed(lane.seen_by) then", "if false then"),
    ),
    Mutation(
        "all snapshots, not only those of transactions with an id",
        [
            lane_retirement.a_job_whose_submitter_has_an_old_snapshot_is_found_after_its_lane_was_retired
        ],
        change("_oldest_snapshot", "min(v_next - (", "max(v_next - ("),
    ),
    Mutation(
        "a retired lane is not open",
        [lane_retirement.an_unused_lane_is_removed_with_its_watermarks],
        change("_retire_lanes", "least(j.priority, -1 - j.priority)", "j.priority"),
    ),
    Mutation(
        "the removal of watermarks of a need without lanes",
        [lane_retirement.an_unused_lane_is_removed_with_its_watermarks],
        change("_retire_lanes", "if v_dropped is not null then", "if false then"),
    ),
    Mutation(
        "lane caches are rebuilt from the lanes that are left",
        [lane_retirement.an_unused_lane_is_removed_with_its_watermarks],
        change("_rebuild_lane_cache", "or wide = 0 and v_alone and not (", "or false and not ("),
    ),
    Mutation(
        "watermarks of lanes that are being retired",
        [lane_retirement.a_lane_is_read_while_it_is_being_retired],
        change("_next_watermark", "_lane_priority(l.priority)", "l.priority"),
    ),
    Mutation(
        "lane caches with lanes that are being retired",
        [lane_retirement.a_lane_is_read_while_it_is_being_retired],
        change("_add_opened_lanes", "_lane_priority(k.priority)", "k.priority")
        + change("_list_lanes", "_lane_priority(k.priority)", "k.priority"),
    ),
    Mutation(
        "a lane with a job is reopened",
        [lane_retirement.a_lane_that_still_has_a_job_is_reopened],
        change(
            "_retirement_step",
            "order by r.number\n        limit 1\n    ) is not null then\n        return 'open';",
            "order by r.number\n        limit 1\n    ) is not null then\n        return 'drop';",
        ),
    ),
    Mutation(
        "a lane with a head of a key is reopened",
        [lane_retirement.a_lane_that_still_has_a_job_is_reopened],
        change(
            "_retirement_step",
            "h.number\n        limit 1\n    ) is not null then\n        return 'open';",
            "h.number\n        limit 1\n    ) is not null then\n        return 'drop';",
        ),
    ),
    Mutation(
        "a job that enters the queue opens its lane",
        [lane_retirement.a_job_that_becomes_ready_again_opens_a_lane_that_was_removed],
        change(
            "_enqueue",
            "perform _open_lane(v_lane.need, v_lane.priority, v_lane.keyed, now);",
            "null;",
        ),
    ),
    Mutation(
        "a job that is unparked opens its lane",
        [lane_retirement.an_unparked_job_opens_a_lane_that_was_removed],
        change("_unpark_next", "perform _open_lane(v_need, v_priority, true, _now());", ""),
    ),
    Mutation(
        "a lane in steady use is retired later",
        [lane_retirement.a_lane_in_steady_use_is_retired_later],
        change("_open_lane", "greatest(2 * max", "greatest(1 * max"),
    ),
    Mutation(
        "a lane that is in lane_cache and lane_cache_rest is read once",
        [lane_retirement.a_reopened_lane_is_in_its_scope_once],
        change(
            "_lock_candidates_merged",
            "where (r.next_need, r.priority) not in (",
            "where true or (r.next_need, r.priority) in (",
        ),
    ),
)
