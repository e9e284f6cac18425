"""The watermarks of lanes."""

from __future__ import annotations

from concurrency.scenarios import lane_cache, watermark

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the wait for older ids before a watermark advances",
        [watermark.a_job_that_commits_late_is_not_passed_by_the_watermark],
        change(
            "_next_watermark",
            "coalesce(_horizon_passed(old_watermark.seen_by)"
            " or old_watermark.seen_by = v_passed, false) as proven",
            "true as proven",
        ),
    ),
    Mutation(
        "an id taken after the sequence is read",
        [watermark.a_transaction_with_an_earlier_id_proves_nothing],
        change(
            "_queue_position",
            "if pg_current_xact_id_if_assigned() is not null then",
            "if false then",
        ),
    ),
    Mutation(
        "a ready job holds the watermark",
        [watermark.a_watermark_advances_to_the_first_ready_job],
        change(
            "_next_watermark",
            "and j.number between o.number and old_watermark.seen_number",
            "and false",
        ),
    ),
    Mutation(
        "heads of keys are looked for below the watermark",
        [watermark.an_unparked_job_is_found_below_the_watermark],
        change(
            "_lock_first_of_lanes",
            "and _is_ready_head(j.state, j.parked, j.singleton_key)",
            "and _is_ready_head(j.state, j.parked, j.singleton_key)"
            " and j.number >= coalesce(plan.watermark[1], 0)",
        ),
    ),
    Mutation(
        "the check of locks while a long transaction is open",
        [watermark.a_long_transaction_without_a_job_does_not_hold_back_the_watermarks],
        change("_no_older_writers", "return not exists (", "return false and not exists ("),
    ),
    Mutation(
        "a transaction that holds a lock has not ended",
        [watermark.a_long_transaction_with_a_job_holds_back_the_watermarks],
        change("_no_older_writers", "return not exists (", "return true or not exists ("),
    ),
    Mutation(
        "the advance of the watermarks",
        [watermark.a_watermark_advances_to_the_first_ready_job],
        change("_next_watermark", "old_watermark.seen_number + 1,", "o.number,"),
    ),
    Mutation(
        "a lane that is opened makes the watermarks stale",
        [watermark.a_lane_that_was_just_opened_is_seen_by_the_next_claim],
        change("_open_lane", "'-infinity'", "_open_lane.now"),
    ),
    Mutation(
        "the row for an opened lane comes after watermarks that advance meanwhile",
        [
            watermark.a_lane_opened_during_an_advance_is_seen_by_the_next_claim,
            watermark.a_setting_changed_during_an_advance_applies_to_the_next_claim,
        ],
        change("_invalidation_id", "_first_invalidation_id() + ", ""),
    ),
    Mutation(
        "an advance checks again once its watermark_id is drawn",
        [watermark.a_lane_opened_before_an_advance_writes_is_seen_by_the_next_claim],
        change("_store_watermark", "and k.watermark_id > last_id", "and false"),
    ),
    Mutation(
        "an advance that knows a lane removes the row that was written when it was opened",
        [lane_cache.a_claim_uses_the_watermarks_of_all_lanes],
        change(
            "_store_watermark",
            "if invalid_ids <> '{}' and not _snapshot_is_fixed() then",
            "if false then",
        ),
    ),
    Mutation(
        "an old snapshot leaves no usable watermarks",
        [watermark.watermarks_advanced_with_an_old_snapshot_are_not_used],
        change(
            "_next_watermark",
            "case when not v_fixed then _duration(",
            "case when true then _duration(",
        ),
    ),
    Mutation(
        "a known lane is opened again for its first key",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_open_lanes_and_wake", "and (k.keyed or not u.keyed)", ""),
    ),
    Mutation(
        "a known lane is opened again for the first key that is rescheduled into it",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_reschedule_job", "v_job.singleton_key is not null", "false")
        + change("_enqueue", "'keyed', m.singleton_key is not null", "'keyed', false"),
    ),
    Mutation(
        "a batch passes on that it has keys",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_insert_jobs", "bool_or(m.singleton_key is not null)", "bool_or(false)"),
    ),
    Mutation(
        "a submit passes on that it has a key",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_store_job", "array[v_keyed],", "array[false],"),
    ),
    Mutation(
        "only a lane with keys counts as open for a key",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_open_lane", " and (l.keyed or not _open_lane.keyed)", ""),
    ),
    Mutation(
        "watermarks keep the fact that there are keys",
        [
            watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order,
            watermark.the_first_key_of_a_need_is_seen_by_the_next_advance_of_its_watermarks,
        ],
        change("_next_watermark", "bool_or(o.keyed)", "bool_or(false)"),
    ),
    Mutation(
        "an idle need is read in full",
        [watermark.the_first_key_of_an_idle_need_is_found_at_once],
        change("_plan_claim", ") is not null then", ") is not null and false then"),
    ),
    Mutation(
        "a claim looks for heads of keys",
        [watermark.the_first_job_with_a_key_of_a_need_is_claimed_in_order],
        change("_claim_one", "if watermark.keyed or ", "if "),
    ),
    Mutation(
        "a claim reads all lanes",
        [lane_cache.a_claim_uses_the_watermarks_of_all_lanes],
        change("_claim_one", " or cardinality(watermark.priorities) > 1 then", " then"),
    ),
    Mutation(
        "a setting that is changed makes the watermarks stale",
        [watermark.a_setting_just_changed_applies_to_the_next_claim],
        change("set_setting", "if name in ('max_lease', 'max_attempts') then", "if false then"),
    ),
)
