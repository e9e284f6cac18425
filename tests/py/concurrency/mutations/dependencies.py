"""Dependencies: no dependent is stranded, whatever ends at the same time."""

from __future__ import annotations

from concurrency.scenarios import dependencies, submit

from .mutation import Mutation, change

_UNSEEN_LIVE = "0, 'epoch', 'epoch', 0"

MUTATIONS = (
    Mutation(
        "the recheck of a job that is submitted as blocked",
        [
            dependencies.a_job_submitted_while_its_dependency_completes_is_freed,
            dependencies.a_job_submitted_while_its_dependency_is_ending_is_freed,
            dependencies.a_job_rescheduled_while_its_dependency_is_ending_is_freed,
        ],
        change(
            "_add_dependencies",
            "insert into deferred (kind, job_id) values ('recheck', _add_dependencies.job_id);",
        ),
    ),
    Mutation(
        "a recheck stays until transactions that may have missed the dependency have ended",
        [dependencies.a_job_submitted_while_its_dependency_is_ending_is_freed],
        change(
            "_run_deferred_item",
            "_horizon_passed(v_item.seen_by) then",
            "v_item.seen_by is not null then",
        ),
    ),
    Mutation(
        "a recheck outlives its first run",
        [dependencies.a_job_submitted_while_its_dependency_is_ending_is_freed],
        change("_run_deferred_item", "v_done or coalesce(v_item.seen_by = '0', false)", "true"),
    ),
    Mutation(
        "only a transaction younger than the recheck records its id in it",
        [dependencies.a_sweep_in_an_old_transaction_does_not_drop_the_recheck],
        change(
            "_run_deferred_item",
            "case when fresh then pg_current_xact_id() end",
            "pg_current_xact_id()",
        ),
    ),
    Mutation(
        "the deferred item for a locked dependent",
        [
            dependencies.two_last_dependencies_that_end_at_once_free_their_dependent,
            dependencies.a_locked_dependent_is_freed_later,
            dependencies.a_redrive_reaches_a_dependent_that_was_locked,
        ],
        change("_propagate_to", "where e.waits_for = ended and", "where false and"),
    ),
    Mutation(
        "the deferred item of a fixed snapshot that still sees a dependency",
        [dependencies.an_old_snapshot_does_not_lose_the_last_dependency],
        change("_apply_dependency_policy", "if _snapshot_is_fixed() then", "if false then"),
    ),
    Mutation(
        "the check of a given id in the unique indexes",
        [submit.a_generated_id_cannot_be_given_again_by_an_old_snapshot],
        change("_reserve_id", "if _snapshot_is_fixed() then", "if false then"),
    ),
    *(
        Mutation(
            f"the check of a given id among {state} jobs",
            [submit.a_generated_id_cannot_be_given_again_by_an_old_snapshot],
            change(
                "_check_job_id_unseen",
                f"values (_check_job_id_unseen.job_id, {values}, '{state}'",
                f"values (gen_random_uuid(), {values}, '{state}'",
            ),
        )
        for state, values in (
            ("blocked", _UNSEEN_LIVE),
            ("ready", _UNSEEN_LIVE),
            ("leased", _UNSEEN_LIVE),
            ("cancelled", "'epoch', 'epoch', 'epoch', 0, 0, 0, false"),
        )
    ),
    Mutation(
        "the deferred item of an end with a fixed snapshot",
        [dependencies.an_end_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see],
        change("_propagate_end", "_snapshot_is_fixed()", "false"),
    ),
    Mutation(
        "a batch with a fixed snapshot ends jobs one by one",
        [dependencies.a_batch_with_a_fixed_snapshot_frees_a_dependent_it_cannot_see],
        change(
            "_settle_batch", "if v_jobs > 0 and not _snapshot_is_fixed() then", "if v_jobs > 0 then"
        ),
    ),
    Mutation(
        "the id taken before complete looks for dependents",
        [dependencies.a_recheck_outlives_an_end_that_read_before_the_dependency_committed],
        change("complete", "_now_after_xid()", "_now()"),
    ),
    Mutation(
        "the id taken before a batch of one looks for dependents",
        [dependencies.a_recheck_outlives_an_end_that_read_before_the_dependency_committed],
        change("_settle_single", "_now_after_xid()", "_now()"),
    ),
    Mutation(
        "the id taken before a batch looks for dependents",
        [dependencies.a_recheck_outlives_an_end_that_read_before_the_dependency_committed],
        change("_settle_batch", "v_places, _now_after_xid())", "v_places, _now())"),
    ),
    Mutation(
        "the dependents of a batch's jobs",
        [dependencies.a_batch_frees_dependents_and_unparks_the_next_of_its_keys],
        change("_archive_completed", "perform _propagate_end(v_id);", "null;"),
    ),
    Mutation(
        "the keys of a batch's jobs",
        [dependencies.a_batch_frees_dependents_and_unparks_the_next_of_its_keys],
        change("_archive_completed", "perform _release_key(v_key, 'leased');", "null;"),
    ),
)
