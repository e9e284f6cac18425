"""Maintenance: the times from which it looks."""

from __future__ import annotations

from concurrency.scenarios import claim, lane_cache, maintenance

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the wait for older transactions before the maintenance horizon advances",
        [
            maintenance.a_lease_of_an_open_transaction_is_found_when_it_has_run_out,
            maintenance.a_retry_of_an_open_transaction_is_found_when_it_is_due,
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
        [maintenance.upkeep_by_the_way_finds_what_lies_below_the_horizon],
        change("_maybe_run_maintenance", "if v_horizon.horizon_id % 10 = 0 then", "if false then"),
    ),
    *(
        Mutation(
            f"a sweep looks below the horizon of {what}",
            [maintenance.a_sweep_finds_what_lies_below_the_horizon],
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
            [maintenance.upkeep_goes_on_when_the_clock_was_set_back_a_little],
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
        [maintenance.upkeep_moves_on_past_what_is_over],
        change("_maybe_run_maintenance", "case when s.proven then", "case when false then"),
    ),
    Mutation(
        "skip locked of a claim with fresh watermarks, of one lane",
        [claim.a_claim_by_fresh_marks_skips_what_is_locked],
        change("_claim_one", "for no key update skip locked;", "for no key update;"),
    ),
    Mutation(
        "skip locked of a claim with fresh watermarks, of two lanes",
        [claim.a_claim_by_fresh_marks_skips_what_is_locked],
        change(
            "_claim_one",
            "for no key update skip locked\n        ) as f",
            "for no key update\n        ) as f",
        ),
    ),
    Mutation(
        "watermarks that were advanced serve the claim that advanced them",
        [lane_cache.who_moves_the_marks_claims_by_them],
        change(
            "get_work", "v_maintained := _refresh_watermark(v_watermark.next_need, v_now);", "exit;"
        ),
    ),
    Mutation(
        "turn advances the watermarks, and does no more",
        [lane_cache.who_moves_the_marks_claims_by_them],
        change("turn", "if v_watermark.watermark_id is not null then", "if false then"),
    ),
)
