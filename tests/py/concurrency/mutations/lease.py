"""Leases: clocks, stale leases, and the ends of leases."""

from __future__ import annotations

from concurrency.scenarios import lease, submit

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "the clock of a call",
        [lease.a_lease_begins_at_the_call],
        change("_now", "clock_timestamp()", "now()"),
    ),
    Mutation(
        "the lease check of complete",
        [lease.a_stale_lease_changes_nothing],
        change("_archive_leased", "j.lease_id = _archive_leased.lease_id", "true"),
    ),
    Mutation(
        "the lease check of a batch",
        [lease.a_stale_lease_in_a_batch_changes_nothing],
        change("_archive_completed", "and j.lease_id = lease_ids[width_bucket(j.job_id, job_ids)]"),
    ),
    Mutation(
        "a batch that names a job twice is settled one by one",
        [lease.a_job_that_a_batch_names_twice_is_settled_in_order],
        change("_settle_batch", "count(distinct d.job_id)", "count(*)")
        + change(
            "_settle_batch", "count(distinct (d.element ->> 'job_id')::uuid) < count(*)", "false"
        ),
    ),
    Mutation(
        "a batch that reschedules a job is settled one by one",
        [lease.a_job_that_a_batch_reschedules_behind_another_is_settled_in_order],
        change("_settle_batch", "or bool_or(d.element ->> 'verb' = 'reschedule')", ""),
    ),
    Mutation(
        "the lease check of fail, release and reschedule",
        [
            lease.a_stale_lease_changes_nothing,
            lease.a_stale_lease_does_not_wait_for_the_current_one,
        ],
        change("_lock_leased_job", "and j.lease_id = _lock_leased_job.lease_id", ""),
    ),
    Mutation(
        "the lease check of extend, checkpoint and hold_lease",
        [
            lease.a_stale_lease_changes_nothing,
            lease.a_stale_lease_does_not_wait_for_the_current_one,
        ],
        change("_lock_current_lease", "and j.lease_id = _lock_current_lease.lease_id", ""),
    ),
    Mutation(
        "locking before reading in extend, checkpoint and hold_lease",
        [lease.a_stale_lease_is_refused_when_it_waited_for_the_lock],
        change("_lock_current_lease", "for no key update;", ";"),
    ),
    Mutation(
        "locking before reading in fail, release and reschedule",
        [lease.a_stale_lease_is_refused_when_it_waited_for_the_lock],
        change("_lock_leased_job", "for update", ""),
    ),
    Mutation(
        "a batch locks no job of another lease",
        [lease.a_stale_lease_does_not_wait_for_the_current_one],
        change(
            "_settle_batch",
            "and ((j.job_id, j.lease_id) in (\n"
            "                select n.job_id, n.lease_id from unnest(v_named, v_named_by) as n (job_id, lease_id)\n"
            "            )) is true",
            "",
        ),
    ),
    Mutation(
        "skip locked of a reclaim",
        [
            lease.an_end_in_progress_is_not_undone_by_a_reclaim,
            lease.a_held_lease_is_not_reclaimed,
        ],
        change(
            "_lock_due",
            "order by j.check_at\n                limit limit_rows\n                for update skip locked",
            "order by j.check_at\n                limit limit_rows\n                for update",
        ),
    ),
    Mutation(
        "the true end of an extended lease",
        [lease.an_extended_lease_is_not_reclaimed],
        change("_reclaimable_at", "return greatest(", "return least('-infinity'::timestamptz, "),
    ),
    Mutation(
        "a server that has been up for as long as the lease lasts",
        [lease.no_lease_is_reclaimed_before_the_server_has_been_up_as_long],
        change("_reclaimable_at", "up_since +", "'-infinity'::timestamptz +"),
    ),
    Mutation(
        "the check of an old snapshot whether a lease was extended unseen",
        [lease.an_old_snapshot_does_not_reclaim_a_lease_extended_since],
        change("_reclaim_one", "v_job.job_id is not null and _snapshot_is_fixed()", "false"),
    ),
    Mutation(
        "two calls extend a lease for the first time at once",
        [lease.two_calls_that_extend_a_lease_at_once_leave_the_later_end],
        change(
            "_extend_current",
            "on conflict on constraint heartbeat_pkey do update\n"
            "            set extended_at = case when h.lease_expires_at < v_end then v_now else"
            " h.extended_at end,\n"
            "                lease_expires_at = greatest(h.lease_expires_at, v_end)",
            "",
        ),
    ),
    Mutation(
        "the later of two ends",
        [lease.two_calls_that_extend_a_lease_at_once_leave_the_later_end],
        change("_extend_current", "greatest(h.lease_expires_at, v_end)", "v_end"),
    ),
    Mutation(
        "locking before extending many",
        [lease.a_stale_lease_is_not_extended_with_others],
        change("_extend_current", "for no key update skip locked", ""),
    ),
    Mutation(
        "the lease check of extend_many",
        [lease.a_stale_lease_is_not_extended_with_others],
        change(
            "_extend_current",
            "and ((j.job_id, j.lease_id) in (\n"
            "                select n.job_id, n.lease_id from unnest(job_ids, lease_ids) as n (job_id, lease_id)\n"
            "            )) is true",
            "",
        ),
    ),
    Mutation(
        "the heartbeats of current leases are kept",
        [lease.maintenance_removes_the_heartbeats_of_leases_that_are_over],
        change("_lock_due", "j.fence = o.fence offset", "false offset"),
    ),
    Mutation(
        "the removal of heartbeats of leases that are over",
        [lease.maintenance_removes_the_heartbeats_of_leases_that_are_over],
        change("sweep", "perform _run_contained_step('heartbeats', 10000, null, _now());"),
    ),
    Mutation(
        "the check of expires_at",
        [lease.an_expired_job_is_not_leased],
        change("_filter_claimable", "j.expires_at <= _filter_claimable.now", "false")
        + change("_lock_due", "j.expires_at <= _lock_due.now", "false"),
    ),
    *(
        Mutation(
            f"maintenance skips expired {of} that are locked",
            [lease.maintenance_skips_an_expired_job_that_is_locked],
            change(
                "_lock_due",
                f"for update skip locked\n                ) as {alias}",
                f"for update\n                ) as {alias}",
            ),
        )
        for of, alias in (("waiting jobs", "w"), ("ready jobs", "r"))
    ),
    Mutation(
        "the check of expires_at, after a wait",
        [lease.a_turn_that_waited_for_a_lock_starts_no_expired_job],
        change("_claim_one", "j.expires_at > _now()", "j.expires_at > statement_timestamp()"),
    ),
    Mutation(
        "the count of crashes",
        [lease.a_job_that_crashes_every_worker_is_buried],
        change("_reclaim_one", "v_job.crashes := v_job.crashes + 1;"),
    ),
    Mutation(
        "a grant counts as an attempt",
        [lease.a_crash_counts_as_an_attempt, lease.a_job_that_crashes_every_worker_is_buried],
        change("_claim_one", "g.attempt + 1", "g.attempt")
        + change("_grant_leases", "g.attempt + 1", "g.attempt"),
    ),
    Mutation(
        "a repeated complete is refused",
        [lease.a_repeated_complete_is_refused_and_leaves_nothing],
        change("complete", "perform _replay_or_raise(job_id, lease_id, 'complete');"),
    ),
    Mutation(
        "a lease younger than the snapshot is not foreign",
        [submit.completing_a_lease_granted_after_the_snapshot_succeeds_or_raises_40001],
        change("_replay_or_raise", "if _snapshot_is_fixed() and", "if false and"),
    ),
)
