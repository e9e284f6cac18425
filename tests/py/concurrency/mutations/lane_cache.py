"""Workers of many needs: the lane cache and the lookahead."""

from __future__ import annotations

from concurrency.scenarios import lane_cache, singleton

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the bound up to which no job can be missing",
        [lane_cache.a_batch_of_many_needs_is_in_overall_order],
        change(
            "_lock_first_of_lanes",
            "where not exists (select from bound as b"
            " where (h.priority, h.number) > (b.priority, b.number))",
            "",
        ),
    ),
    Mutation(
        "the watermark of the next lane bounds a read",
        [lane_cache.jobs_of_many_needs_are_claimed_in_overall_order],
        change(
            "_lock_first_of_lanes",
            "(plan.priority[wide + 1], plan.watermark[wide + 1])",
            "(null, null)",
        ),
    ),
    Mutation(
        "the watermark of the rest of the lanes bounds a read",
        [lane_cache.a_batch_of_many_needs_is_in_overall_order],
        change(
            "_lock_first_of_lanes",
            "where n.number is not null",
            "where n.number = plan.watermark[wide + 1]",
        ),
    ),
    Mutation(
        "a lane that was cut off bounds a read",
        [lane_cache.a_batch_of_many_needs_is_in_overall_order],
        change("_lock_first_of_lanes", "where h.cut", "where false"),
    ),
    Mutation(
        "a deeper read where others have locked the first jobs",
        [lane_cache.a_claim_of_many_needs_skips_locked_rows],
        change(
            "_lock_candidates_merged",
            "exit when v_picked.locked = limit_jobs or v_picked.cut is null;",
            "exit when v_picked.locked = limit_jobs or v_picked.cut is not false;",
        ),
    ),
    Mutation(
        "skip locked in a claim of many needs",
        [lane_cache.a_claim_of_many_needs_skips_locked_rows],
        change("_lock_first_of_lanes", " skip locked", ""),
    ),
    Mutation(
        "skip locked in a claim by the lookahead",
        [lane_cache.a_locked_job_of_the_lookahead_is_skipped],
        change("_claim_lookahead", " skip locked", ""),
    ),
    Mutation(
        "the check that the place still holds the job of the lookahead",
        [lane_cache.a_place_in_the_lookahead_that_holds_another_job_is_skipped],
        change("_claim_lookahead", "and r.number = p.number", ""),
    ),
    Mutation(
        "the check for expired jobs of the lookahead",
        [lane_cache.an_expired_job_of_the_lookahead_is_skipped],
        change("_claim_lookahead", "and not v_special", ""),
    ),
    Mutation(
        "the lookahead ends where the lane cache is no longer proven",
        [lane_cache.a_job_that_commits_late_comes_before_the_lookahead],
        change(
            "_store_lookahead",
            "least(\n        cache.sure_number,",
            "least(\n        9223372036854775807,",
        ),
    ),
    Mutation(
        "the lookahead ends before a lane that was not read",
        [lane_cache.a_job_behind_a_lane_that_was_not_read_is_not_in_the_lookahead],
        change(
            "_store_lookahead", "case cache.priorities[ahead + 1] when", "case null::smallint when"
        ),
    ),
    Mutation(
        "a lane that is opened makes the lookahead stale",
        [lane_cache.a_lane_that_was_just_opened_is_seen_by_claims_of_many_needs],
        change("_claim_lookahead", "and a.newer = array(", "and array[0::bigint] <> array("),
    ),
    Mutation(
        "a head of a key may come before the lookahead",
        [lane_cache.jobs_with_keys_keep_their_order_among_many_needs],
        change("_claim_lookahead", "or not _has_ready_heads(capabilities)", "or true"),
    ),
    Mutation(
        "the search for heads of keys in all lanes",
        [lane_cache.jobs_with_keys_keep_their_order_among_many_needs],
        change("_plan_scope_claim", "v_keyed is not false or v_plan.maintained", "false"),
    ),
    Mutation(
        "a lane that is opened makes lane caches stale",
        [lane_cache.a_lane_that_was_just_opened_is_seen_by_claims_of_many_needs],
        change("_plan_scope_claim", "and f.newer = array(", "and array[0::bigint] <> array("),
    ),
    Mutation(
        "lanes count as known only up to the proven number",
        [lane_cache.a_lane_whose_opening_commits_late_is_seen_by_claims_of_many_needs],
        change(
            "_start_lane_cache",
            "then cache.seen_number else",
            "then cache.seen_number else queue_position + 0 *",
        ),
    ),
    Mutation(
        "the wait for older ids before a lane cache advances",
        [lane_cache.a_job_that_commits_late_is_not_passed_by_the_lane_cache],
        change(
            "_read_lane_cache",
            "coalesce(_horizon_passed(f.seen_by) or f.seen_by = v_passed, false)",
            "f.seen_by is not null",
        ),
    ),
    Mutation(
        "an id taken after the sequence is read, for many needs",
        [lane_cache.a_transaction_with_an_earlier_id_proves_nothing_for_many_needs],
        change(
            "_queue_position",
            "if pg_current_xact_id_if_assigned() is not null then",
            "if false then",
        ),
    ),
    Mutation(
        "the advance of the lane cache",
        [lane_cache.a_lane_cache_advances_to_the_first_ready_job],
        change("_advance_lane_cache", "cache.sure_number + 1,", "l.number,"),
    ),
    Mutation(
        "an idle scope writes nothing",
        [lane_cache.an_idle_scope_writes_nothing],
        change(
            "_rebuild_lane_cache",
            "or v_known and not v_all and v_new.numbers",
            "or false and v_new.numbers",
        ),
    ),
    Mutation(
        "an old snapshot refers only to a rest of the lanes that it wrote itself",
        [lane_cache.a_claim_with_an_old_snapshot_leaves_a_usable_lane_cache],
        change("_rebuild_lane_cache", "or _snapshot_is_fixed() or", "or"),
    ),
    Mutation(
        "the removal of old lane caches",
        [lane_cache.a_claim_with_an_old_snapshot_leaves_a_usable_lane_cache],
        change("_store_lane_cache", "cache.cache_id % 100 = 0", "false"),
    ),
    Mutation(
        "the record that scopes were removed",
        [lane_cache.the_removal_of_scopes_is_recorded],
        change(
            "_forget_scopes",
            "from (select from gone limit 1) as g",
            "from gone as g where false",
        ),
    ),
    Mutation(
        "maintenance by claims of an idle need",
        [lane_cache.claims_that_always_find_work_run_maintenance],
        change("_stale_watermark_usable", "interval '6 s'", "interval '1 day'"),
    ),
    Mutation(
        "claims make the watermarks of an idle need stale",
        [lane_cache.a_claim_uses_the_watermarks_of_an_idle_need],
        change("_few_claims_since", "or not _one_in_fifty()", "or true"),
    ),
    Mutation(
        "claims make the watermarks of a busy need stale",
        [lane_cache.watermarks_advance_while_a_backlog_is_drained],
        (
            ("_few_claims_since", "or not _one_in_fifty()", "or true"),
            ("_watermark_usable", "interval '1 s'", "interval '1 day'"),
        ),
    ),
    Mutation(
        "maintenance by claims of many needs",
        [lane_cache.busy_workers_of_many_needs_run_maintenance],
        change("_lookahead_fresh", "and surveyed_at > now - interval '100 ms'", ""),
    ),
    Mutation(
        "a claim that records a new lookahead has not surveyed",
        [lane_cache.busy_workers_of_many_needs_run_maintenance],
        change(
            "_start_lane_cache",
            "case when wide = 0 then now else",
            "case when true then now else",
        ),
    ),
    Mutation(
        "claims use watermarks that few claims followed",
        [lane_cache.a_claim_uses_watermarks_that_few_claims_followed],
        change("_watermark_usable", "interval '1 s'", "interval '1 ms'"),
    ),
    Mutation(
        "only one claim in fifty advances watermarks that many claims followed",
        [
            lane_cache.one_claim_in_fifty_advances_watermarks_that_many_claims_followed,
            lane_cache.a_claim_uses_the_watermarks_of_an_idle_need,
        ],
        change("_few_claims_since", " or not _one_in_fifty()", ""),
    ),
    Mutation(
        "fresh watermarks advance when many claims followed",
        [lane_cache.one_claim_in_fifty_advances_watermarks_that_many_claims_followed],
        change(
            "_next_watermark",
            "v_many_claims or not _is_recent(old_watermark.noted_at, _next_watermark.now)",
            "old_watermark.noted_at < _next_watermark.now - interval '1 hour'",
        ),
    ),
    Mutation(
        "a survey of fresh watermarks that many claims followed",
        [lane_cache.one_claim_in_fifty_advances_watermarks_that_many_claims_followed],
        (
            (
                "_refresh_watermark",
                "_is_recent(k.noted_at, _refresh_watermark.now)",
                "k.noted_at > _refresh_watermark.now - interval '1 hour'",
            ),
            (
                "_refresh_watermark",
                "and _few_claims_between(k.fence, pg_sequence_last_value('fence_seq'))",
                "",
            ),
        ),
    ),
    Mutation(
        "one claim advances the watermarks of a busy need",
        [lane_cache.claims_use_stale_watermarks_while_another_session_advances_them],
        change(
            "_stale_watermark_usable",
            "return not pg_try_advisory_xact_lock",
            "return null is null or pg_try_advisory_xact_lock",
        ),
    ),
    Mutation(
        "the other claims use the stale ones meanwhile",
        [lane_cache.claims_use_stale_watermarks_while_another_session_advances_them],
        change(
            "_stale_watermark_usable",
            "return not pg_try_advisory_xact_lock",
            "return false and pg_try_advisory_xact_lock",
        ),
    ),
    Mutation(
        "watermarks advance although another session holds their lock",
        [
            lane_cache.watermarks_advance_though_a_session_that_advanced_them_idles,
            singleton.a_stranger_cannot_stop_watermarks_from_advancing,
        ],
        change(
            "_advance_watermarks",
            "and v_old.noted_at between now - interval '1 s' and now + interval '1 s'",
        ),
    ),
    Mutation(
        "a lane cache advances although another session holds its lock",
        [singleton.a_stranger_cannot_stop_a_lane_cache_from_advancing],
        change("_may_rebuild_lane_cache", "if not v_alone then", "if false then"),
    ),
    Mutation(
        "a rest of the lanes that is missing is rebuilt",
        [singleton.a_missing_rest_of_a_lane_cache_is_rebuilt],
        change("_rebuild_lane_cache", "or v_old.rest_id is not null", "or false"),
    ),
    Mutation(
        "maintenance runs although another session holds its lock",
        [singleton.a_stranger_cannot_stop_maintenance],
        change("_maybe_run_maintenance", "and v_age between interval '0' and interval '1 s'"),
    ),
    Mutation(
        "maintenance runs although its lock is held, the first time and after the clock was set back",
        [singleton.a_stranger_cannot_stop_maintenance],
        change(
            "_maybe_run_maintenance",
            "and v_age between interval '0' and interval '1 s'",
            "and coalesce(v_age, interval '0') < interval '1 s'",
        ),
    ),
)
