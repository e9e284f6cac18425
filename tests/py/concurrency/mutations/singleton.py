"""Singleton keys: never two current leases, at any isolation level."""

from __future__ import annotations

from concurrency.scenarios import singleton

from .mutation import Mutation, change

_LEASED_KEY = "where l.singleton_key = j.singleton_key"
_KEY_LOCK = "v_locked := _try_lock_keys(array("
_SLOT_LOCK = "for no key update skip locked"

MUTATIONS = (
    Mutation(
        "the key's try-lock of a claim",
        [singleton.a_claimer_passes_by_a_key_that_another_claimer_is_taking],
        change("_filter_claimable", _KEY_LOCK, "v_locked := (array("),
    ),
    Mutation(
        "the key's lock of a claim is waited for",
        [singleton.a_claimer_passes_by_a_key_that_another_claimer_is_taking],
        change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "locks of keys are no advisory locks",
        [
            singleton.a_stranger_cannot_hold_a_key,
            singleton.a_statement_that_ends_many_keyed_jobs_holds_few_locks,
        ],
        change(
            "_try_lock_keys",
            "where s.slot = any (v_slots) for no key update skip locked",
            "where pg_try_advisory_xact_lock(hashtextextended((select k.key from unnest(keys) as k (key)"
            " where _key_slot(k.key) = s.slot limit 1), hashtextextended('leasehold', 0)))"
            " and s.slot = any (v_slots)",
        )
        + change("_try_lock_keys", "if cardinality(keys) = 1 then", "if false then"),
    ),
    Mutation(
        "advisory locks have few numbers",
        [singleton.a_statement_that_claims_of_many_needs_holds_few_locks],
        change("_advisory_lock_key", "& 255", "& 65535"),
    ),
    Mutation(
        "slots that are missing are restored",
        [singleton.a_slot_of_keys_that_is_missing_is_restored],
        change("_try_lock_keys", "or not _restore_slots(v_slots)", "or true"),
    ),
    Mutation(
        "who restores slots is not waited for",
        [singleton.a_slot_of_keys_that_is_missing_is_restored],
        change("_restore_slots", "1ms", "0"),
    ),
    Mutation(
        "the look again for a leased key",
        [singleton.a_claimer_sees_a_lease_that_was_committed_before_it_took_the_key],
        change("_filter_claimable", "where l.singleton_key = v.key", "where false")
        + change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "the look for keys that were chosen before upkeep",
        [singleton.what_upkeep_lets_in_meets_the_keys_of_the_batch],
        change("_filter_claimable", "and j.job_id = any (chosen)", "and false"),
    ),
    Mutation(
        "no lock for a key that is busy",
        [singleton.a_key_is_free_for_whom_an_open_claim_only_passed_by],
        change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "one candidate a key in a batch",
        [singleton.one_batch_takes_one_job_of_a_key],
        change("_filter_claimable", "order by i.ordinality) > 1", "order by i.ordinality) > 9"),
    ),
    Mutation(
        "the unique index on leased keys",
        [singleton.an_old_snapshot_cannot_lease_a_key_that_was_leased_since],
        sql="drop index leasehold.leased_key_idx",
    ),
    Mutation(
        "the key's try-lock of who admits",
        [singleton.the_next_of_a_key_is_not_lost_when_it_comes_while_the_holder_ends],
        change("_unpark_next", "_try_lock_keys(array[singleton_key]) = '{}'", "false"),
    ),
    Mutation(
        "the key's lock of who admits is waited for",
        [singleton.the_end_of_a_job_does_not_wait_for_who_admits_to_its_key],
        change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "the note for a key that somebody else is at",
        [singleton.the_end_of_a_job_does_not_wait_for_who_admits_to_its_key],
        change("_release_key", "array[singleton_key]", "array['nobody''s']"),
    ),
    Mutation(
        "skip locked for the head of a key",
        [singleton.the_head_of_a_key_that_is_locked_does_not_lock_the_key],
        change("_unpark_next", "for no key update skip locked", "for no key update"),
    ),
)
