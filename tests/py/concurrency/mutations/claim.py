"""Claims: no job is skipped, and none is claimed twice."""

from __future__ import annotations

from concurrency.scenarios import claim

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the limit of a claim of one need",
        [claim.a_claim_takes_no_more_than_it_asked_for],
        change("_lock_candidates", "limit (select limit_jobs)", "limit 1000"),
    ),
    Mutation(
        "the limit of a claim of many needs",
        [claim.a_claim_takes_no_more_than_it_asked_for],
        change("_lock_first_of_lanes", "limit (select limit_jobs)", "limit 1000"),
    ),
    Mutation(
        "skip locked in a claim",
        [claim.a_claim_skips_locked_rows],
        change("_lock_candidates", " skip locked", ""),
    ),
)
