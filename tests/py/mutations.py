"""The engine with a lock, a check or an order taken out: what the tests must notice.

A mutation names a function, a text in its body and what to put there instead; the text must be
found, so that a mutation cannot quietly lose its object when the function changes. `sql` is for
what is not in a function's body. `scenarios` are those that must fail on the mutated engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import scenarios as s
from conftest import Connection
from scenarios import Scenario


@dataclass(frozen=True)
class Mutation:
    name: str
    scenarios: Sequence[Scenario]
    changes: Sequence[tuple[str, str, str]] = ()
    sql: str = ""

    def apply(self, conn: Connection) -> None:
        for function, found, instead in self.changes:
            row = conn.execute(
                "select pg_get_functiondef(%s::regproc)", (f"leasehold.{function}",)
            ).fetchone()
            assert row is not None
            definition: str = row[0]
            assert found in definition, (
                f"mutation {self.name!r}: {function} does not contain {found!r} any more"
            )
            conn.execute(definition.replace(found, instead))
        if self.sql:
            conn.execute(self.sql)


def _change(function: str, found: str, instead: str = "") -> tuple[tuple[str, str, str]]:
    return ((function, found, instead),)


_LEASED_KEY = "where l.singleton_key = j.singleton_key"
_KEY_LOCK = "v_locked := _try_lock_keys(array("
_SLOT_LOCK = "for no key update skip locked"
_UNSEEN_LIVE = "0, 'epoch', 'epoch', 0"

# upkeep locks every lease whose check_at has passed, extended or not
_LOOSE = _change(
    "_lock_due",
    "and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_due.now",
)

MUTATIONS = (
    # --- trap 1: singletons
    Mutation(
        "the key's try-lock of a claim",
        [s.a_claimer_passes_by_a_key_that_another_claimer_is_taking],
        _change("_filter_claimable", _KEY_LOCK, "v_locked := (array("),
    ),
    Mutation(
        "the key's lock of a claim is waited for",
        [s.a_claimer_passes_by_a_key_that_another_claimer_is_taking],
        _change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "locks of keys are no advisory locks",
        [s.a_stranger_cannot_hold_a_key, s.a_statement_that_ends_many_keyed_jobs_holds_few_locks],
        _change(
            "_try_lock_keys",
            "where s.slot = any (v_slots) for no key update skip locked",
            "where pg_try_advisory_xact_lock(hashtextextended((select k.key from unnest(keys) as k (key)"
            " where _key_slot(k.key) = s.slot limit 1), hashtextextended('leasehold', 0)))"
            " and s.slot = any (v_slots)",
        )
        + _change("_try_lock_keys", "if cardinality(keys) = 1 then", "if false then"),
    ),
    Mutation(
        "advisory locks have few numbers",
        [s.a_statement_that_claims_of_many_needs_holds_few_locks],
        _change("_advisory_lock_key", "& 255", "& 65535"),
    ),
    Mutation(
        "slots that are missing are restored",
        [s.a_slot_of_keys_that_is_missing_is_restored],
        _change("_try_lock_keys", "or not _restore_slots(v_slots)", "or true"),
    ),
    Mutation(
        "who restores slots is not waited for",
        [s.a_slot_of_keys_that_is_missing_is_restored],
        _change("_restore_slots", "1ms", "0"),
    ),
    Mutation(
        "the look again for a leased key",
        [s.a_claimer_sees_a_lease_that_was_committed_before_it_took_the_key],
        _change("_filter_claimable", "where l.singleton_key = v.key", "where false")
        + _change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "the look for keys that were chosen before upkeep",
        [s.what_upkeep_lets_in_meets_the_keys_of_the_batch],
        _change("_filter_claimable", "and j.job_id = any (chosen)", "and false"),
    ),
    Mutation(
        "no lock for a key that is busy",
        [s.a_key_is_free_for_whom_an_open_claim_only_passed_by],
        _change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "one candidate a key in a batch",
        [s.one_batch_takes_one_job_of_a_key],
        _change("_filter_claimable", "order by i.ordinality) > 1", "order by i.ordinality) > 9"),
    ),
    Mutation(
        "the unique index on leased keys",
        [s.an_old_snapshot_cannot_lease_a_key_that_was_leased_since],
        sql="drop index leasehold.leased_key_idx",
    ),
    Mutation(
        "the key's try-lock of who admits",
        [s.the_next_of_a_key_is_not_lost_when_it_comes_while_the_holder_ends],
        _change("_unpark_next", "_try_lock_keys(array[singleton_key]) = '{}'", "false"),
    ),
    Mutation(
        "the key's lock of who admits is waited for",
        [s.the_end_of_a_job_does_not_wait_for_who_admits_to_its_key],
        _change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "the note for a key that somebody else is at",
        [s.the_end_of_a_job_does_not_wait_for_who_admits_to_its_key],
        _change("_release_key", "('key', _release_key.singleton_key)", "('key', 'nobody''s')"),
    ),
    Mutation(
        "skip locked for the head of a key",
        [s.the_head_of_a_key_that_is_locked_does_not_lock_the_key],
        _change("_unpark_next", "for no key update skip locked", "for no key update"),
    ),
    # --- trap 2: lost wake-ups
    Mutation(
        "the note on a blocked submit",
        [
            s.a_job_submitted_while_what_it_waits_for_completes_is_freed,
            s.a_job_submitted_while_an_end_is_under_way_is_freed,
            s.a_reschedule_behind_a_job_that_ends_meanwhile_is_freed,
        ],
        _change(
            "_add_dependencies",
            "insert into deferred (kind, job_id) values ('recheck', _add_dependencies.job_id);",
        ),
    ),
    Mutation(
        "a note is kept until who might have missed the edge is over",
        [s.a_job_submitted_while_an_end_is_under_way_is_freed],
        _change(
            "_run_deferred_item",
            "coalesce(v_item.seen_by <= v_xmin, false)",
            "v_item.seen_by is not null",
        ),
    ),
    Mutation(
        "a note is dropped by the first look",
        [s.a_job_submitted_while_an_end_is_under_way_is_freed],
        _change("_run_deferred_item", "v_done or coalesce(v_item.seen_by = '0', false)", "true"),
    ),
    Mutation(
        "only a transaction younger than the note says when it was seen",
        [s.a_look_from_an_old_transaction_does_not_drop_the_note],
        _change(
            "_run_deferred_item",
            "case when fresh then pg_current_xact_id() end",
            "pg_current_xact_id()",
        ),
    ),
    Mutation(
        "the note for a dependent that is locked",
        [
            s.two_last_parents_that_end_at_once_free_their_child,
            s.a_dependent_that_is_locked_is_freed_later,
            s.a_redriven_job_tells_a_dependent_that_was_locked,
        ],
        _change("_propagate_to", "where e.waits_for = ended and", "where false and"),
    ),
    Mutation(
        "the note of an old look that still sees an edge",
        [s.an_old_snapshot_does_not_lose_the_last_edge],
        _change("_apply_dependency_policy", "if _snapshot_is_fixed() then", "if false then"),
    ),
    Mutation(
        "the unseen id is looked for in the unique indexes",
        [s.a_made_id_cannot_be_given_again_by_an_old_snapshot],
        _change("_reserve_id", "if _snapshot_is_fixed() then", "if false then"),
    ),
    *(
        Mutation(
            f"the unseen id is looked for where jobs are {state}",
            [s.a_made_id_cannot_be_given_again_by_an_old_snapshot],
            _change(
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
        "the note of an end above READ COMMITTED",
        [s.an_end_above_read_committed_frees_an_edge_it_cannot_see],
        _change("_propagate_end", "_snapshot_is_fixed()", "false"),
    ),
    Mutation(
        "a batch above READ COMMITTED ends one by one",
        [s.a_batch_above_read_committed_frees_an_edge_it_cannot_see],
        _change(
            "_settle_batch", "if v_jobs > 0 and not _snapshot_is_fixed() then", "if v_jobs > 0 then"
        ),
    ),
    Mutation(
        "the id taken before complete looks for edges",
        [s.an_end_that_looked_before_an_edge_committed_is_waited_for],
        _change("complete", "_now_after_xid()", "_now()"),
    ),
    Mutation(
        "the id taken before settle looks for edges",
        [s.an_end_that_looked_before_an_edge_committed_is_waited_for],
        _change("_complete_plain", "_now_after_xid()", "_now()"),
    ),
    Mutation(
        "the id taken before a batch looks for edges",
        [s.an_end_that_looked_before_an_edge_committed_is_waited_for],
        _change("_settle_batch", "v_places, _now_after_xid())", "v_places, _now())"),
    ),
    Mutation(
        "what waits for a job of a batch",
        [s.a_batch_frees_what_waits_and_admits_to_its_keys],
        _change("_archive_completed", "perform _propagate_end(v_id);", "null;"),
    ),
    Mutation(
        "the keys of a batch's jobs",
        [s.a_batch_frees_what_waits_and_admits_to_its_keys],
        _change("_archive_completed", "perform _release_key(v_key, 'leased');", "null;"),
    ),
    # --- trap 3: deadlocks, circles
    Mutation(
        "skip locked on dependents",
        [
            s.two_last_parents_that_end_at_once_free_their_child,
            s.a_dependent_that_is_locked_is_freed_later,
            s.ends_with_crossed_dependents_neither_wait_nor_deadlock,
        ],
        _change("_propagate_to", "for no key update skip locked", "for no key update"),
    ),
    Mutation(
        "skip locked on the job of a note",
        [s.a_dependent_that_is_locked_is_freed_later],
        _change("_run_deferred_item", "for no key update skip locked", "for no key update"),
    ),
    Mutation(
        "an end that many wait for comes first",
        [s.an_end_that_many_wait_for_and_other_notes_do_not_keep_each_other_waiting],
        _change("_run_deferred", "n.kind = 'ended' and n.due_at", "false and n.due_at"),
    ),
    Mutation(
        "half of a sweep for an end that many wait for",
        [s.an_end_that_many_wait_for_and_other_notes_do_not_keep_each_other_waiting],
        _change("_run_deferred", "(limit_rows + 1) / 2", "limit_rows"),
    ),
    Mutation(
        "the note of a job that still waits is kept",
        [s.a_job_submitted_while_an_end_is_under_way_is_freed],
        _change("_drop_moot_rechecks", "n.tries = 0", "n.tries = 0 or n.deferred_id = any (notes)"),
    ),
    Mutation(
        "the gate for circles",
        [s.two_reschedules_cannot_close_a_circle_at_once],
        _change(
            "_check_cycle",
            "perform from cycle_gate as g for update skip locked;\n        exit when found;",
            "exit;",
        )
        + _change("_check_cycle", "update cycle_gate as g set passed = g.passed + 1;"),
    ),
    Mutation(
        "the gate is changed by who passes it",
        [s.an_old_snapshot_cannot_close_a_circle],
        _change("_check_cycle", "update cycle_gate as g set passed = g.passed + 1;"),
    ),
    Mutation(
        "the look for circles",
        [s.two_reschedules_cannot_close_a_circle_at_once],
        _change("_check_cycle", "where u.id = _check_cycle.job_id", "where false"),
    ),
    Mutation(
        "the order of a batch's locks",
        [s.a_batch_of_completes_locks_in_the_order_of_a_mixed_one],
        sql="alter function leasehold.settle set enable_bitmapscan to on;"
        "alter function leasehold.settle set enable_indexscan to off",
    ),
    Mutation(
        "the order of a mixed batch's locks",
        [s.two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock],
        _change(
            "_settle_batch",
            "order by j.job_id\n",
            "order by (select d.n from jsonb_array_elements(done) with ordinality as d (e, n)"
            " where (d.e ->> 'job_id')::uuid = j.job_id)\n",
        ),
    ),
    Mutation(
        "the locks of a mixed batch before its ends",
        [s.two_mixed_batches_of_the_same_jobs_in_reverse_order_do_not_deadlock],
        _change(
            "_settle_batch",
            "if not v_plain or _snapshot_is_fixed() then",
            "if _snapshot_is_fixed() then",
        ),
    ),
    Mutation(
        "the order of a batch's idempotency keys",
        [s.two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock],
        _change(
            "_reserve_keys",
            'order by r.idempotency_key collate "C", r.ordinality',
            "order by r.ordinality",
        ),
    ),
    Mutation(
        "the order of a batch's given ids",
        [s.two_batches_of_the_same_keys_in_reverse_order_do_not_deadlock],
        _change("_reserve_ids", "order by r.job_id, r.ordinality", "order by r.ordinality"),
    ),
    # --- trap 4: claims
    Mutation(
        "the limit of a claim of one need",
        [s.a_claim_takes_no_more_than_it_asked_for],
        _change("_lock_candidates", "limit (select limit_jobs)", "limit 1000"),
    ),
    Mutation(
        "the limit of a claim of many needs",
        [s.a_claim_takes_no_more_than_it_asked_for],
        _change("_lock_candidates_merged", "limit (select limit_jobs)", "limit 1000"),
    ),
    Mutation(
        "skip locked in a claim",
        [s.a_claim_skips_what_is_locked],
        _change("_lock_candidates", " skip locked", ""),
    ),
    # --- traps 5, 6, 8 and 16: leases
    Mutation(
        "the clock of a call",
        [s.a_lease_is_counted_from_the_call],
        _change("_now", "clock_timestamp()", "now()"),
    ),
    Mutation(
        "the lease check of complete",
        [s.a_stale_lease_changes_nothing],
        _change("_archive_leased", "j.lease_id = _archive_leased.lease_id", "true"),
    ),
    Mutation(
        "the lease check of a batch",
        [s.a_stale_lease_in_a_batch_changes_nothing],
        _change(
            "_archive_completed", "and j.lease_id = lease_ids[width_bucket(j.job_id, job_ids)]"
        ),
    ),
    Mutation(
        "a batch that names a job twice goes one by one",
        [s.a_job_that_a_batch_names_twice_is_settled_in_order],
        _change("_settle_batch", "count(distinct d.job_id)", "count(*)")
        + _change(
            "_settle_batch", "count(distinct (d.element ->> 'job_id')::uuid) < count(*)", "false"
        ),
    ),
    Mutation(
        "a batch that moves a job goes one by one",
        [s.a_job_that_a_batch_both_moves_and_waits_for_is_settled_in_order],
        _change("_settle_batch", "or bool_or(d.element ->> 'verb' = 'reschedule')", ""),
    ),
    Mutation(
        "the lease check of fail, release and reschedule",
        [s.a_stale_lease_changes_nothing, s.a_stale_lease_does_not_wait_for_who_has_the_job],
        _change("_lock_leased_job", "and j.lease_id = _lock_leased_job.lease_id", ""),
    ),
    Mutation(
        "the lease check of extend, checkpoint and hold_lease",
        [s.a_stale_lease_changes_nothing, s.a_stale_lease_does_not_wait_for_who_has_the_job],
        _change("_lock_current_lease", "and j.lease_id = _lock_current_lease.lease_id", ""),
    ),
    Mutation(
        "locking before reading in extend, checkpoint and hold_lease",
        [s.a_stale_lease_is_refused_when_it_waited_for_the_lock],
        _change("_lock_current_lease", "for no key update;", ";"),
    ),
    Mutation(
        "locking before reading in fail, release and reschedule",
        [s.a_stale_lease_is_refused_when_it_waited_for_the_lock],
        _change("_lock_leased_job", "for update", ""),
    ),
    Mutation(
        "a batch locks no job of another lease",
        [s.a_stale_lease_does_not_wait_for_who_has_the_job],
        _change(
            "_settle_batch",
            "and ((j.job_id, j.lease_id) in (select n.job_id, n.lease_id from"
            " unnest(v_named, v_named_by) as n (job_id, lease_id))) is true",
            "",
        ),
    ),
    Mutation(
        "skip locked of who takes leases away",
        [
            s.an_end_under_way_is_not_undone_by_who_takes_leases_away,
            s.a_held_lease_is_not_taken_away,
        ],
        _change(
            "_lock_due",
            "order by j.check_at\n                limit limit_rows\n                for update skip locked",
            "order by j.check_at\n                limit limit_rows\n                for update",
        ),
    ),
    Mutation(
        "the true end of an extended lease",
        [s.an_extended_lease_is_not_taken_away],
        _change("_reclaimable_at", "return greatest(", "return least('-infinity'::timestamptz, "),
    ),
    Mutation(
        "a lease's length of uptime",
        [s.no_lease_runs_out_before_the_server_was_up_as_long],
        _change("_reclaimable_at", "up_since +", "'-infinity'::timestamptz +"),
    ),
    Mutation(
        "an old snapshot looks whether a lease was extended unseen",
        [s.an_old_snapshot_does_not_take_a_lease_that_was_extended_since],
        _change("_reclaim_one", "v_job.job_id is not null and _snapshot_is_fixed()", "false"),
    ),
    Mutation(
        "two calls extend a lease for the first time at once",
        [s.two_calls_that_extend_a_lease_at_once_leave_the_later_end],
        _change(
            "extend_many",
            "on conflict on constraint heartbeat_pkey do update\n"
            "            set extended_at = case when h.lease_expires_at < v_end then v_now else"
            " h.extended_at end,\n"
            "                lease_expires_at = greatest(h.lease_expires_at, v_end)",
            "",
        ),
    ),
    Mutation(
        "the later of two ends",
        [s.two_calls_that_extend_a_lease_at_once_leave_the_later_end],
        _change("extend_many", "greatest(h.lease_expires_at, v_end)", "v_end"),
    ),
    Mutation(
        "locking before extending many",
        [s.a_stale_lease_is_not_extended_with_others],
        _change("extend_many", "for no key update skip locked", ""),
    ),
    Mutation(
        "the lease check of extend_many",
        [s.a_stale_lease_is_not_extended_with_others],
        _change(
            "extend_many",
            "and ((j.job_id, j.lease_id) in (select h.job_id, h.lease_id from"
            " unnest(v_job_ids, v_lease_ids) as h (job_id, lease_id))) is true",
            "",
        ),
    ),
    Mutation(
        "the ends of current leases are kept",
        [s.upkeep_removes_the_ends_of_leases_that_are_over],
        _change("_lock_due", "j.fence = o.fence offset", "false offset"),
    ),
    Mutation(
        "the ends of leases that are over are removed",
        [s.upkeep_removes_the_ends_of_leases_that_are_over],
        _change("sweep", "perform _run_contained_step('heartbeats', 10000, null, _now());"),
    ),
    Mutation(
        "the last moment to start",
        [s.a_job_past_its_last_moment_is_not_leased],
        _change("_filter_claimable", "j.expires_at <= _filter_claimable.now", "false")
        + _change("_lock_due", "j.expires_at <= _lock_due.now", "false"),
    ),
    *(
        Mutation(
            f"upkeep passes by {of} that are locked and can start no more",
            [s.upkeep_passes_by_a_job_past_its_last_moment_that_somebody_holds],
            _change(
                "_lock_due",
                f"for update skip locked\n                ) as {alias}",
                f"for update\n                ) as {alias}",
            ),
        )
        for of, alias in (("jobs that wait", "w"), ("ready jobs", "r"))
    ),
    Mutation(
        "the last moment to start, after a wait",
        [s.a_turn_that_waited_for_a_lock_starts_nothing_too_late],
        _change("_claim_one", "j.expires_at > _now()", "j.expires_at > statement_timestamp()"),
    ),
    Mutation(
        "the count of crashes",
        [s.a_job_that_kills_every_worker_dies_of_it],
        _change("_reclaim_one", "v_job.crashes := v_job.crashes + 1;"),
    ),
    Mutation(
        "a grant counts as an attempt",
        [s.a_crash_counts_as_an_attempt, s.a_job_that_kills_every_worker_dies_of_it],
        _change("_claim_one", "g.attempt + 1", "g.attempt")
        + _change("_grant_leases", "g.attempt + 1", "g.attempt"),
    ),
    Mutation(
        "a repeated complete is refused",
        [s.a_replayed_completion_says_so_and_leaves_nothing],
        _change("complete", "perform _replay_or_raise(job_id, lease_id, 'complete');"),
    ),
    Mutation(
        "a lease younger than the snapshot is no foreign one",
        [s.a_lease_granted_after_the_snapshot_is_right_or_40001],
        _change("_replay_or_raise", "if _snapshot_is_fixed() and", "if false and"),
    ),
    # --- trap 7: keys and ids
    Mutation(
        "an idempotency key is inserted, then looked for",
        [s.a_key_that_commits_gives_the_second_the_first_job],
        _change(
            "_reserve_key",
            "on conflict on constraint idempotency_pkey do nothing",
            "",
        ),
    ),
    Mutation(
        "an idempotency key is looked for in a new statement",
        [s.a_key_that_commits_gives_the_second_the_first_job],
        _change(
            "_reserve_key",
            "if found then\n            return null;\n        end if;",
            "return null;",
        ),
    ),
    Mutation(
        "an idempotency key that an old snapshot cannot see",
        [s.an_old_snapshot_submits_a_key_once],
        _change(
            "_reserve_key",
            "on conflict on constraint idempotency_pkey do nothing",
            "",
        ),
    ),
    Mutation(
        "the hash of what was asked for",
        [s.a_key_that_commits_gives_the_second_the_first_job],
        _change("_reserve_key", "if v_known.request <> request then", "if false then"),
    ),
    Mutation(
        "the list of given ids",
        [s.a_given_id_is_taken_once],
        _change(
            "_reserve_id",
            "insert into given_id (job_id) values (_reserve_id.job_id)"
            " on conflict on constraint given_id_pkey do nothing;",
            "perform 1;",
        ),
    ),
    Mutation(
        "a key whose job was purged is free",
        [s.a_key_whose_job_was_purged_is_taken_over_once],
        _change(
            "_reserve_key",
            "exit when v_known.job_id = mine or _job_exists(v_known.job_id)",
            "exit when true",
        ),
    ),
    Mutation(
        "a key is taken over from the job that was purged, not from the one that took it over",
        [s.a_key_is_taken_over_by_one_of_two_who_find_it_free],
        _change("_reserve_key", " and i.job_id = v_known.job_id"),
    ),
    Mutation(
        "an id whose job was purged is locked",
        [s.a_given_id_whose_job_was_purged_is_taken_once],
        _change(
            "_reserve_id",
            "perform from given_id as g where g.job_id = _reserve_id.job_id for update;",
            "perform 1;",
        ),
    ),
    # --- rights
    Mutation(
        "PUBLIC's rights",
        [s.public_may_do_nothing],
        sql="grant execute on function leasehold._now() to public",
    ),
    Mutation(
        "a bell that rang ends the registration",
        [s.a_bell_rings_once_until_somebody_waits_again],
        _change("_wake_waiters", "if not v_isolated then", "if false then"),
    ),
    Mutation(
        "ringers do not wait for each other",
        [s.a_bell_of_an_open_or_undone_transaction_stops_no_other],
        _change("_wake_waiters", " skip locked", ""),
    ),
    Mutation(
        "prefixes are filed under their whole parts",
        [s.a_prefix_that_ends_inside_a_part_is_rung],
        _change("_stem", "regexp_replace(capability, '[^.]*$', '')", "left(capability, -1)"),
    ),
    Mutation(
        "the doorbell waits for who may have missed it",
        [s.a_bell_is_armed_only_when_nobody_can_miss_it],
        _change(
            "wakeup_channel",
            "if pg_snapshot_xmin(pg_current_snapshot()) >= pg_current_xact_id() and",
            "if",
        ),
    ),
    Mutation(
        "each is told of another scheduled job",
        [s.of_many_that_wait_one_is_told_of_each_scheduled_job],
        _change(
            "_set_alarm",
            "_next_scheduled_at(capabilities, now, v_others)",
            "_next_scheduled_at(capabilities, now)",
        ),
    ),
    *(
        Mutation(
            f"a bell for a job that becomes scheduled, in {function}",
            [s.a_job_scheduled_while_all_sleep_wakes_one_of_them],
            _change(function, call),
        )
        for function, call in (
            ("_insert_job", "perform _wake_for_scheduled(array[next_need], array[available_at]);"),
            ("_insert_jobs", "perform _wake_for_scheduled(v_needs, v_dues);"),
            ("_enqueue", "perform _wake_for_scheduled(v_later, v_dues);"),
            (
                "_retry_or_bury",
                "perform _wake_for_scheduled(array[v_job.next_need], array[v_next]);",
            ),
        )
    ),
    Mutation(
        "a bell for the one that watches alone",
        [s.a_job_scheduled_while_all_sleep_wakes_one_of_them],
        _change("_wake_for_scheduled", "if v_channel.watcher is null then", "if true then"),
    ),
    Mutation(
        "a bell for what is due before the next look alone",
        [s.a_job_scheduled_beyond_the_next_look_of_who_sleeps_wakes_nobody],
        _change("_wake_for_scheduled", "greatest(v_now, n.due_at)", "v_now"),
    ),
    Mutation(
        "the one that watches is there",
        [s.where_the_one_that_watched_is_gone_all_are_woken],
        _change("_watcher", "where exists (select from pg_stat_get_activity(s.pid))"),
    ),
    Mutation(
        "who registered watches only while it is told nothing",
        [s.who_is_told_of_one_job_does_not_watch_for_others],
        _change("_watcher", "and a.pid = w.pid", "and false"),
    ),
    Mutation(
        "no bell for what a claim takes itself",
        [s.a_claim_wakes_nobody_for_what_it_takes_itself],
        _change("_release_wakeups", "::uuid <> all (taken)", "::uuid is not null"),
    ),
    Mutation(
        "a bell for what a claim does not take",
        [s.a_claim_wakes_nobody_for_what_it_takes_itself],
        _change("_release_wakeups", "if v_needs is not null then", "if false then"),
    ),
    Mutation(
        "the doorbell waits for snapshots that do not know it",
        [s.a_bell_that_is_new_waits_for_snapshots_that_are_older],
        _change("wakeup_channel", "and _channel_known_to_all(v_channel, v_until)"),
    ),
    Mutation(
        "a channel is known for longer than one registration",
        [s.a_channel_stays_known_while_a_fleet_is_rung],
        _change(
            "_keep_channel_known", "if v_covered > now + interval '2 days' then", "if false then"
        )
        + _change("_channel_known_to_all", "order by l.known_until", "order by l.known_until desc"),
    ),
    Mutation(
        "a submit with an old snapshot does not rely on it",
        [s.a_submit_with_a_snapshot_older_than_the_registration_rings],
        _change("submit", "and not _snapshot_is_fixed()"),
    ),
    Mutation(
        "a batch with an old snapshot does not rely on it",
        [s.a_submit_with_a_snapshot_older_than_the_registration_rings],
        _change("_open_lanes_and_wake", "or _snapshot_is_fixed()"),
    ),
    Mutation(
        "a job that is scheduled with an old snapshot does not rely on it",
        [s.a_submit_with_a_snapshot_older_than_the_registration_rings],
        _change("_wake_for_scheduled", "elsif _snapshot_is_fixed() then", "elsif false then"),
    ),
    Mutation(
        "who rings with an old snapshot rings all that are known",
        [s.a_submit_with_a_snapshot_older_than_the_registration_rings],
        _change("_wake_waiters", "(v_isolated or exists", "(exists"),
    ),
    Mutation(
        "a bound for who is filed under one stem",
        [s.what_others_wait_for_costs_a_submit_little],
        _change("_keep_channel_known", ">= 256", ">= 100000"),
    ),
    Mutation(
        "a bound for prefixes under one stem",
        [s.what_others_wait_for_costs_a_submit_little],
        _change("_keep_channel_known", "cardinality(f.prefixes) <= 4", "true"),
    ),
    Mutation(
        "upkeep passes by a lease that was extended",
        [s.upkeep_does_not_hold_a_lease_that_was_extended],
        _LOOSE,
    ),
    # --- the low-water mark
    Mutation(
        "the wait for older ids before a mark is moved",
        [s.a_job_that_commits_late_is_found_below_the_mark],
        _change(
            "_advance_watermarks",
            "pg_snapshot_xmin(pg_current_snapshot()) >= v_old.seen_by or coalesce(v_old.seen_by = v_over, false) as proven",
            "true as proven",
        ),
    ),
    Mutation(
        "an id taken after the reading of the sequence",
        [s.a_mover_that_had_an_id_before_proves_nothing],
        _change(
            "_queue_position",
            "if pg_current_xact_id_if_assigned() is not null then",
            "if false then",
        ),
    ),
    Mutation(
        "what can still be seen holds the mark",
        [s.a_mark_moves_up_to_what_waits],
        _change(
            "_advance_watermarks",
            "and j.number between o.number and v_old.seen_number",
            "and false",
        ),
    ),
    Mutation(
        "heads of keys are looked for from the start",
        [s.the_next_of_a_key_is_found_below_the_mark],
        _change(
            "_lock_candidates_merged",
            "and j.state = 'ready' and not j.parked and j.singleton_key is not null",
            "and j.state = 'ready' and not j.parked and j.singleton_key is not null"
            " and j.number >= coalesce(survey.mark[1], 0)",
        ),
    ),
    Mutation(
        "a look at locks where somebody's long transaction is open",
        [s.a_long_transaction_that_has_no_job_does_not_hold_the_marks_up],
        _change("_no_older_writers", "return not exists (", "return false and not exists ("),
    ),
    Mutation(
        "who holds a lock is not over",
        [s.a_long_transaction_that_has_a_job_holds_the_marks_up],
        _change("_no_older_writers", "return not exists (", "return true or not exists ("),
    ),
    Mutation(
        "the moving of the marks",
        [s.a_mark_moves_up_to_what_waits],
        _change("_advance_watermarks", "v_old.seen_number + 1,", "o.number,"),
    ),
    Mutation(
        "a lane that is opened makes the marks old",
        [s.a_lane_that_was_just_opened_is_seen_by_the_next_claim],
        _change("_open_lane", "'-infinity'", "_open_lane.now"),
    ),
    Mutation(
        "what tells of a lane comes after the marks that are moved meanwhile",
        [
            s.a_lane_that_was_opened_beside_a_move_is_seen_by_the_next_claim,
            s.a_setting_that_was_changed_beside_a_move_counts_for_the_next_claim,
        ],
        _change("_invalidation_id", "4611686018427387904 + ", ""),
    ),
    Mutation(
        "a move looks again once its place is drawn",
        [s.a_lane_that_is_opened_in_the_middle_of_a_move_is_seen_by_the_next_claim],
        _change("_advance_watermarks", "and k.watermark_id > v_below", "and false"),
    ),
    Mutation(
        "a move that knows of a lane removes what told of it",
        [s.a_claim_goes_by_the_marks_of_all_lanes],
        _change(
            "_advance_watermarks", "if v_opened <> '{}' and not v_isolated then", "if false then"
        ),
    ),
    Mutation(
        "an old snapshot leaves no marks that are gone by",
        [s.marks_that_an_old_snapshot_moved_are_not_gone_by],
        _change(
            "_advance_watermarks",
            "v_lease := case when not v_isolated then",
            "v_lease := case when true then",
        ),
    ),
    Mutation(
        "a lane that is known is opened for the first key as well",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_open_lanes_and_wake", "and (k.keyed or not u.keyed)", ""),
    ),
    Mutation(
        "a lane that is known is opened for the first key that is moved there",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_reschedule_job", "v_job.singleton_key is not null", "false")
        + _change("_enqueue", "'keyed', m.singleton_key is not null", "'keyed', false"),
    ),
    Mutation(
        "a batch tells that it has keys",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_insert_jobs", "bool_or(m.singleton_key is not null)", "bool_or(false)"),
    ),
    Mutation(
        "a submit tells that it has a key",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_insert_job", "array[singleton_key is not null]", "array[false]"),
    ),
    Mutation(
        "only a lane with keys is one",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_open_lane", " and (l.keyed or not _open_lane.keyed)", ""),
    ),
    Mutation(
        "marks keep that there are keys",
        [
            s.the_first_job_with_a_key_of_a_need_comes_in_its_turn,
            s.the_first_key_of_a_need_is_seen_by_the_next_move_of_its_marks,
        ],
        _change("_advance_watermarks", "bool_or(l.keyed)", "bool_or(false)"),
    ),
    Mutation(
        "an idle need is looked at in full",
        [s.the_first_key_of_an_idle_need_is_found_at_once],
        _change("_plan_claim", ") is not null then", ") is not null and false then"),
    ),
    Mutation(
        "a claim looks for heads of keys",
        [s.the_first_job_with_a_key_of_a_need_comes_in_its_turn],
        _change("_claim_one", "if watermark.keyed or ", "if "),
    ),
    Mutation(
        "a claim walks all lanes there are",
        [s.a_claim_goes_by_the_marks_of_all_lanes],
        _change("_claim_one", " or cardinality(watermark.priorities) > 1 then", " then"),
    ),
    Mutation(
        "a setting that is changed makes the marks old",
        [s.a_setting_that_was_just_changed_counts_for_the_next_claim],
        _change("set_setting", "if name in ('max_lease', 'max_attempts') then", "if false then"),
    ),
    # --- many needs
    Mutation(
        "no further than nothing can be missing",
        [s.a_batch_over_many_needs_is_in_the_order_of_all],
        _change(
            "_lock_candidates_merged",
            "where not exists (select from bound as b"
            " where (h.priority, h.number) > (b.priority, b.number))",
            "",
        ),
    ),
    Mutation(
        "the mark of the next lane ends a look",
        [s.many_needs_are_served_in_the_order_of_all],
        _change(
            "_lock_candidates_merged",
            "(v_priority[v_wide + 1], v_watermarks[v_wide + 1])",
            "(null, null)",
        ),
    ),
    Mutation(
        "the mark of the rear ends a look",
        [s.a_batch_over_many_needs_is_in_the_order_of_all],
        _change(
            "_lock_candidates_merged",
            "where n.number is not null",
            "where n.number = v_watermarks[v_wide + 1]",
        ),
    ),
    Mutation(
        "a lane that was cut off ends a look",
        [s.a_batch_over_many_needs_is_in_the_order_of_all],
        _change("_lock_candidates_merged", "where h.cut", "where false"),
    ),
    Mutation(
        "a deeper look where others hold the first",
        [s.a_claim_of_many_needs_passes_by_what_is_locked],
        _change(
            "_lock_candidates_merged",
            "exit when v_found = limit_jobs or v_cut is null;",
            "exit when v_found = limit_jobs or v_cut is not false;",
        ),
    ),
    Mutation(
        "skip locked in a claim of many needs",
        [s.a_claim_of_many_needs_passes_by_what_is_locked],
        _change("_lock_candidates_merged", " skip locked", ""),
    ),
    Mutation(
        "skip locked among those noted ahead",
        [s.who_holds_the_first_of_many_needs_is_passed_by],
        _change("_claim_lookahead", " skip locked", ""),
    ),
    Mutation(
        "it is the job that was noted ahead",
        [s.a_place_where_another_job_is_now_is_passed_by],
        _change("_claim_lookahead", "and r.number = p.number", ""),
    ),
    Mutation(
        "those noted ahead that may be too late are looked at again",
        [s.one_of_the_first_of_many_needs_that_is_too_late_makes_way],
        _change("_claim_lookahead", "and not v_special", ""),
    ),
    Mutation(
        "nothing is noted ahead that is not proven",
        [s.a_job_that_commits_late_comes_before_those_noted_ahead],
        _change(
            "_rebuild_lane_cache",
            "least(\n        v_new.sure_number,",
            "least(\n        9223372036854775807,",
        ),
    ),
    Mutation(
        "nothing is noted ahead that comes behind a lane not looked at",
        [
            s.many_needs_are_served_in_the_order_of_all,
            s.a_batch_over_many_needs_is_in_the_order_of_all,
        ],
        _change(
            "_rebuild_lane_cache", "case v_new.priorities[v_lookahead + 1] when", "case null when"
        ),
    ),
    Mutation(
        "a lane that is opened makes what was noted ahead old",
        [s.a_lane_that_was_just_opened_is_seen_by_claims_of_many_needs],
        _change("_claim_lookahead", "and a.newer = array(", "and array[0] <> array("),
    ),
    Mutation(
        "a head of a key may come before those noted ahead",
        [s.keys_have_their_turn_among_many_needs],
        _change("_claim_lookahead", "or not _has_ready_heads(capabilities)", "or true"),
    ),
    Mutation(
        "heads of keys are looked for in all lanes",
        [s.keys_have_their_turn_among_many_needs],
        _change("_plan_scope_claim", "v_keyed is not false or v_survey.tended", "false"),
    ),
    Mutation(
        "a lane that is opened makes fronts old",
        [s.a_lane_that_was_just_opened_is_seen_by_claims_of_many_needs],
        _change("_plan_scope_claim", "and f.newer = array(", "and array[0] <> array("),
    ),
    Mutation(
        "lanes are known up to what is proven",
        [s.a_lane_whose_opening_commits_late_is_seen_by_claims_of_many_needs],
        _change(
            "_rebuild_lane_cache",
            "then v_old.seen_number else",
            "then v_old.seen_number else v_seen + 0 *",
        ),
    ),
    Mutation(
        "the wait for older ids before a front is moved",
        [s.a_job_that_commits_late_is_found_behind_the_front],
        _change(
            "_rebuild_lane_cache",
            "coalesce(pg_snapshot_xmin(pg_current_snapshot()) >= f.seen_by or f.seen_by = v_over, false) as proven",
            "f.seen_by is not null as proven",
        ),
    ),
    Mutation(
        "an id taken after the reading of the sequence, for many needs",
        [s.who_had_an_id_before_proves_nothing_for_many_needs],
        _change(
            "_queue_position",
            "if pg_current_xact_id_if_assigned() is not null then",
            "if false then",
        ),
    ),
    Mutation(
        "the moving of the front",
        [s.a_front_moves_up_to_what_waits],
        _change("_rebuild_lane_cache", "v_new.sure_number + 1,", "l.number,"),
    ),
    Mutation(
        "an idle scope writes nothing",
        [s.an_idle_scope_writes_nothing],
        _change(
            "_rebuild_lane_cache",
            "or v_known and not v_anew and v_new.numbers",
            "or false and v_new.numbers",
        ),
    ),
    Mutation(
        "an old snapshot notes no rear but its own",
        [s.a_claim_with_an_old_snapshot_leaves_a_front_that_serves_all],
        _change("_rebuild_lane_cache", "or _snapshot_is_fixed() or", "or"),
    ),
    Mutation(
        "fronts are cleared away",
        [s.a_claim_with_an_old_snapshot_leaves_a_front_that_serves_all],
        _change("_rebuild_lane_cache", "v_new.cache_id % 100 = 0", "false"),
    ),
    Mutation(
        "that scopes were forgotten is noted",
        [s.that_scopes_were_forgotten_is_known],
        _change(
            "_rebuild_lane_cache",
            "from (select from gone limit 1) as g",
            "from gone as g where false",
        ),
    ),
    Mutation(
        "upkeep by who claims an idle need",
        [s.a_claim_that_always_finds_work_does_upkeep_too],
        _change("_stale_watermark_usable", "interval '6 s'", "interval '1 day'"),
    ),
    Mutation(
        "claims make the marks of an idle need old",
        [s.a_claim_goes_by_marks_of_an_idle_need],
        _change("_few_claims_since", "or not _one_in_fifty()", "or true"),
    ),
    Mutation(
        "claims make the marks of a busy need old",
        [s.marks_move_while_a_backlog_is_drained],
        (
            ("_few_claims_since", "or not _one_in_fifty()", "or true"),
            ("_watermark_usable", "interval '1 s'", "interval '1 day'"),
        ),
    ),
    Mutation(
        "upkeep by who claims of many needs",
        [s.workers_of_many_needs_do_upkeep_however_busy_they_are],
        _change("_lookahead_fresh", "and surveyed_at > now - interval '100 ms'", ""),
    ),
    Mutation(
        "who notes what is ahead anew has not surveyed",
        [s.workers_of_many_needs_do_upkeep_however_busy_they_are],
        _change(
            "_rebuild_lane_cache",
            "case when wide = 0 then now else",
            "case when true then now else",
        ),
    ),
    Mutation(
        "claims go by marks that few claims came after",
        [s.a_claim_goes_by_marks_that_few_claims_came_after],
        _change("_watermark_usable", "interval '1 s'", "interval '1 ms'"),
    ),
    Mutation(
        "one in fifty of the claims that many came before moves marks, not each",
        [
            s.one_claim_in_fifty_moves_marks_that_many_came_after,
            s.a_claim_goes_by_marks_of_an_idle_need,
        ],
        _change("_few_claims_since", " or not _one_in_fifty()", ""),
    ),
    Mutation(
        "young marks are moved when many claims came after",
        [s.one_claim_in_fifty_moves_marks_that_many_came_after],
        _change(
            "_advance_watermarks",
            "v_old.fence + 50 < v_fence or not (v_old.noted_at between _advance_watermarks.now - interval '20 ms'",
            "not (v_old.noted_at between _advance_watermarks.now - interval '1 hour'",
        ),
    ),
    Mutation(
        "a survey of young marks that many claims came after",
        [s.one_claim_in_fifty_moves_marks_that_many_came_after],
        (
            ("_refresh_watermark", "interval '20 ms'", "interval '1 hour'"),
            ("_refresh_watermark", "and k.fence + 50 >= pg_sequence_last_value('fence_seq')", ""),
        ),
    ),
    Mutation(
        "one claim moves the marks of a busy need",
        [s.claims_go_by_old_marks_while_somebody_else_moves_them],
        _change(
            "_stale_watermark_usable",
            "return not pg_try_advisory_xact_lock",
            "return null is null or pg_try_advisory_xact_lock",
        ),
    ),
    Mutation(
        "the others go by the old ones meanwhile",
        [s.claims_go_by_old_marks_while_somebody_else_moves_them],
        _change(
            "_stale_watermark_usable",
            "return not pg_try_advisory_xact_lock",
            "return false and pg_try_advisory_xact_lock",
        ),
    ),
    Mutation(
        "marks that somebody keeps from moving",
        [
            s.marks_move_though_one_who_moved_them_idles,
            s.a_stranger_cannot_keep_marks_where_they_are,
        ],
        _change(
            "_advance_watermarks",
            "and v_old.noted_at between _advance_watermarks.now - interval '1 s' and _advance_watermarks.now + interval '1 s'",
        ),
    ),
    Mutation(
        "a front that somebody keeps from moving",
        [s.a_stranger_cannot_keep_a_front_where_it_is],
        _change("_rebuild_lane_cache", "if not v_alone then", "if false then"),
    ),
    Mutation(
        "a rear that two movers have lost",
        [s.a_rear_that_is_gone_is_made_up_anew],
        _change("_rebuild_lane_cache", "or v_old.rest_id is not null", "or false"),
    ),
    Mutation(
        "upkeep that somebody keeps from being done",
        [s.a_stranger_cannot_keep_upkeep_from_being_done],
        _change("_maybe_run_maintenance", "and v_age between interval '0' and interval '1 s'"),
    ),
    Mutation(
        "a first upkeep, and one after the clock was set back, that somebody keeps from being done",
        [s.a_stranger_cannot_keep_upkeep_from_being_done],
        _change(
            "_maybe_run_maintenance",
            "and v_age between interval '0' and interval '1 s'",
            "and coalesce(v_age, interval '0') < interval '1 s'",
        ),
    ),
    # --- lanes that are retired
    Mutation(
        "the wait for older ids before a lane is removed",
        [s.a_job_whose_submitter_came_while_its_lane_was_being_retired_is_found],
        _change("_retire_lanes", "and d.seen_by <= pg_snapshot_xmin(pg_current_snapshot())", ""),
    ),
    Mutation(
        "the wait for older snapshots before a lane is removed",
        [s.a_job_whose_submitter_has_an_old_snapshot_is_found_after_its_lane_was_retired],
        _change("_retire_lanes", "d.retired_by < oldest", "true"),
    ),
    Mutation(
        "any wait before a lane is removed",
        [s.a_job_whose_submitter_saw_its_lane_open_is_found_after_the_lane_was_retired],
        _change("_retire_lanes", "d.retired_by < oldest", "true")
        + _change("_retire_lanes", "and d.seen_by <= pg_snapshot_xmin(pg_current_snapshot())", ""),
    ),
    Mutation(
        "all snapshots there are, not those of transactions that have an id",
        [s.a_job_whose_submitter_has_an_old_snapshot_is_found_after_its_lane_was_retired],
        _change("_oldest_snapshot", "min(v_next - (", "max(v_next - ("),
    ),
    Mutation(
        "a retired lane is no open one",
        [s.a_lane_that_nobody_uses_is_removed_with_its_marks],
        _change("_retire_lanes", "least(j.priority, -1 - j.priority)", "j.priority"),
    ),
    Mutation(
        "marks of a need without lanes are removed",
        [s.a_lane_that_nobody_uses_is_removed_with_its_marks],
        _change("_retire_lanes", "if v_gone is not null then", "if false then"),
    ),
    Mutation(
        "fronts are made up from the lanes that are left",
        [s.a_lane_that_nobody_uses_is_removed_with_its_marks],
        _change("_rebuild_lane_cache", "or wide = 0 and v_alone and not (", "or false and not ("),
    ),
    Mutation(
        "marks of lanes that are being retired",
        [s.a_lane_is_looked_at_while_it_is_being_retired],
        _change("_advance_watermarks", "greatest(o.priority, -1 - o.priority)", "o.priority"),
    ),
    Mutation(
        "fronts with lanes that are being retired",
        [s.a_lane_is_looked_at_while_it_is_being_retired],
        _change("_rebuild_lane_cache", "greatest(k.priority, -1 - k.priority)", "k.priority"),
    ),
    Mutation(
        "a lane in which a job is left",
        [s.a_lane_in_which_a_job_is_left_is_opened_again],
        _change(
            "_retire_lanes",
            "order by r.number\n                            limit 1\n                        ) is not null then 'open'",
            "order by r.number\n                            limit 1\n                        ) is not null then 'drop'",
        ),
    ),
    Mutation(
        "a lane in which a head of a key is left",
        [s.a_lane_in_which_a_job_is_left_is_opened_again],
        _change(
            "_retire_lanes",
            "order by h.next_need, h.priority, h.number\n                            limit 1\n                        ) is not null then 'open'",
            "order by h.next_need, h.priority, h.number\n                            limit 1\n                        ) is not null then 'drop'",
        ),
    ),
    Mutation(
        "what enters the queue opens its lane",
        [s.a_job_that_comes_back_opens_the_lane_that_was_removed_meanwhile],
        _change(
            "_enqueue",
            "perform _open_lane(v_lane.need, v_lane.priority, v_lane.keyed, now);",
            "null;",
        ),
    ),
    Mutation(
        "what is admitted opens its lane",
        [s.the_next_of_a_key_opens_the_lane_that_was_removed_meanwhile],
        _change("_unpark_next", "perform _open_lane(v_need, v_priority, true, _now());", ""),
    ),
    Mutation(
        "a lane in steady use stays longer",
        [s.a_lane_that_is_used_while_it_is_being_retired_stays_longer],
        _change("_open_lane", "greatest(2 * max", "greatest(1 * max"),
    ),
    Mutation(
        "a lane that is in the front and in the rear is looked at once",
        [s.a_lane_that_was_opened_again_is_in_its_scope_once],
        _change(
            "_lock_candidates_merged",
            "where (r.next_need, r.priority) not in (",
            "where true or 1 in (",
        ),
    ),
    # --- from when on upkeep looks
    Mutation(
        "the wait for older ids before upkeep moves on",
        [
            s.a_lease_of_an_open_transaction_is_found_when_it_has_run_out,
            s.a_retry_of_an_open_transaction_is_found_when_it_is_due,
        ],
        _change(
            "_maybe_run_maintenance",
            "pg_snapshot_xmin(pg_current_snapshot()) >= v_horizon.seen_by as proven",
            "true as proven",
        )
        # which would find it later
        + _change(
            "_maybe_run_maintenance", "if v_horizon.horizon_id % 10 = 0 then", "if false then"
        ),
    ),
    Mutation(
        "a look below the horizon, by the way",
        [s.upkeep_by_the_way_finds_what_lies_below_the_horizon],
        _change("_maybe_run_maintenance", "if v_horizon.horizon_id % 10 = 0 then", "if false then"),
    ),
    *(
        Mutation(
            f"a sweep looks below the horizon of {what}",
            [s.a_sweep_finds_what_lies_below_the_horizon],
            _change("_run_maintenance", given, f"(_last_horizon()).{given}"),
        )
        for what, given in (
            ("leases", "leases_from, now);"),
            ("schedules", "schedules_from, _now());"),
        )
    ),
    *(
        Mutation(
            f"a clock that was set back by less than a second, in {function}",
            [s.upkeep_goes_on_when_the_clock_was_set_back_a_little],
            _change(function, found, instead),
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
        "upkeep moving on",
        [s.upkeep_moves_on_past_what_is_over],
        _change("_maybe_run_maintenance", "case when s.proven then", "case when false then"),
    ),
    Mutation(
        "skip locked of a claim by fresh marks, of one lane",
        [s.a_claim_by_fresh_marks_skips_what_is_locked],
        _change("_claim_one", "for no key update skip locked;", "for no key update;"),
    ),
    Mutation(
        "skip locked of a claim by fresh marks, of two lanes",
        [s.a_claim_by_fresh_marks_skips_what_is_locked],
        _change(
            "_claim_one",
            "for no key update skip locked\n        ) as f",
            "for no key update\n        ) as f",
        ),
    ),
    Mutation(
        "marks that were moved serve the claim that moved them",
        [s.who_moves_the_marks_claims_by_them],
        _change(
            "get_work", "v_maintained := _refresh_watermark(v_watermark.next_need, v_now);", "exit;"
        ),
    ),
    Mutation(
        "turn moves the marks, and no more",
        [s.who_moves_the_marks_claims_by_them],
        _change("turn", "if v_watermark.watermark_id is not null then", "if false then"),
    ),
)
