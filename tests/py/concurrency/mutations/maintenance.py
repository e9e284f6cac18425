"""Maintenance: the times from which it looks."""

from __future__ import annotations

from concurrency.scenarios import claim, lane_cache, maintenance

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the wait for older transactions before the maintenance horizon advances",
        [
            maintenance.a_lease_granted_in_an_open_transaction_is_reclaimed_once_it_expires,
            maintenance.a_retry_scheduled_in_an_open_transaction_is_promoted_once_it_is_due,
        ],
        change(
            "_maybe_run_maintenance",
            "coalesce(_horizon_passed(v_horizon.seen_by), false) as proven",
            "true as proven",
        )
        # the scan would find it later
        + change(
            "_maybe_run_maintenance", "if v_horizon.horizon_id % 10 = 0 then", "if false then"
        ),
    ),
    Mutation(
        "the scan below the horizon, in maintenance that a claim runs",
        [maintenance.maintenance_in_claims_finds_jobs_below_the_horizon],
        change("_maybe_run_maintenance", "if v_horizon.horizon_id % 10 = 0 then", "if false then"),
    ),
    *(
        Mutation(
            f"a sweep looks below the horizon of {what}",
            [maintenance.a_sweep_finds_jobs_below_the_horizon],
            change("_run_maintenance", given, f"(_last_horizon()).{given}"),
        )
        for what, given in (
            ("leases", "leases_from, now);"),
            ("schedules", "schedules_from, _now());"),
        )
    ),
    *(
        Mutation(
            f"a clock that was set back by less than a second, in {function}",
            [maintenance.maintenance_goes_on_after_the_clock_was_set_back_slightly],
            change(function, found, instead),
        )
        for function, found, instead in (
            ("_last_horizon", "> _now() then", "> _now() + interval '1 s' then"),
            (
                "_maybe_run_maintenance",
                "between interval '0' and",
                "between interval '-1 minute' and",
            ),
        )
    ),
    Mutation(
        "the advance of the maintenance horizon",
        [maintenance.the_maintenance_horizon_advances],
        change("_maybe_run_maintenance", "case when s.proven then", "case when false then"),
    ),
    Mutation(
        "skip locked of a claim with fresh watermarks of one lane",
        [claim.a_claim_with_fresh_watermarks_skips_locked_rows],
        change("_claim_one", "for no key update skip locked;", "for no key update;"),
    ),
    Mutation(
        "skip locked of a claim with fresh watermarks of two lanes",
        [claim.a_claim_with_fresh_watermarks_skips_locked_rows],
        change(
            "_claim_one",
            "for no key update skip locked\n        ) as f",
            "for no key update\n        ) as f",
        ),
    ),
    Mutation(
        "watermarks that were advanced serve the claim that advanced them",
        [lane_cache.a_claim_that_advances_the_watermarks_claims_with_them],
        change(
            "get_work", "v_maintained := _refresh_watermark(v_watermark.next_need, v_now);", "exit;"
        ),
    ),
    Mutation(
        "turn advances the watermarks, and does no more",
        [lane_cache.a_claim_that_advances_the_watermarks_claims_with_them],
        change("turn", "if v_watermark.watermark_id is not null then", "if false then"),
    ),
)
