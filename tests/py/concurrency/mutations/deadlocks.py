"""Deadlocks between calls, and cycles of dependencies."""

from __future__ import annotations

from concurrency.scenarios import deadlocks, dependencies

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "skip locked on dependents",
        [
            dependencies.two_last_dependencies_that_end_at_once_free_their_dependent,
            dependencies.a_locked_dependent_is_freed_later,
            deadlocks.ends_with_crossed_dependents_neither_wait_nor_deadlock,
        ],
        change("_propagate_to", "for no key update skip locked", "for no key update"),
    ),
    Mutation(
        "skip locked on the job of a deferred item",
        [dependencies.a_locked_dependent_is_freed_later],
        change("_run_deferred_item", "for no key update skip locked", "for no key update"),
    ),
    Mutation(
        "the precedence of an end with many dependents",
        [dependencies.an_end_with_many_dependents_and_other_deferred_items_do_not_delay_each_other],
        change("_run_deferred", "n.kind = 'ended' and n.due_at", "false and n.due_at"),
    ),
    Mutation(
        "the limit of half a sweep for an end with many dependents",
        [dependencies.an_end_with_many_dependents_and_other_deferred_items_do_not_delay_each_other],
        change("_run_deferred", "(limit_rows + 1) / 2", "limit_rows"),
    ),
    Mutation(
        "the recheck of a job that still waits",
        [dependencies.a_job_submitted_while_its_dependency_is_ending_is_freed],
        change("_drop_moot_rechecks", "n.tries = 0", "n.tries = 0 or n.deferred_id = any (items)"),
    ),
    Mutation(
        "the lock of cycle_gate",
        [deadlocks.two_reschedules_cannot_close_a_cycle_at_once],
        change(
            "_check_cycle",
            "perform from cycle_gate as g for update skip locked;\n        exit when found;",
            "exit;",
        )
        + change("_check_cycle", "update cycle_gate as g set passed = g.passed + 1;"),
    ),
    Mutation(
        "the update of cycle_gate by each transaction that locks it",
        [deadlocks.an_old_snapshot_cannot_close_a_cycle],
        change("_check_cycle", "update cycle_gate as g set passed = g.passed + 1;"),
    ),
    Mutation(
        "the check for cycles",
        [deadlocks.two_reschedules_cannot_close_a_cycle_at_once],
        change("_check_cycle", "where u.id = _check_cycle.job_id", "where false"),
    ),
    Mutation(
        "the order of a batch's locks",
        [deadlocks.a_batch_of_completes_locks_in_the_order_of_a_mixed_one],
        sql="alter function leasehold.settle set enable_bitmapscan to on;"
        "alter function leasehold.settle set enable_indexscan to off",
    ),
    Mutation(
        "the order of a mixed batch's locks",
        [deadlocks.two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock],
        change(
            "_settle_batch",
            "order by j.job_id\n",
            "order by (select d.n from jsonb_array_elements(done) with ordinality as d (e, n)"
            " where (d.e ->> 'job_id')::uuid = j.job_id)\n",
        ),
    ),
    Mutation(
        "the locks that a mixed batch takes before it ends jobs",
        [deadlocks.two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock],
        change(
            "_settle_batch",
            "if not v_plain or _snapshot_is_fixed() then",
            "if _snapshot_is_fixed() then",
        ),
    ),
    Mutation(
        "the order of a batch's idempotency keys",
        [deadlocks.two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock],
        change(
            "_reserve_keys",
            'order by r.idempotency_key collate "C", r.ordinality',
            "order by r.ordinality",
        ),
    ),
    Mutation(
        "the order of a batch's given ids",
        [deadlocks.two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock],
        change("_reserve_ids", "order by r.job_id, r.ordinality", "order by r.ordinality"),
    ),
)
