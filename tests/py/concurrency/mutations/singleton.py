"""Singleton keys: never two current leases, at any isolation level."""

from __future__ import annotations

from concurrency.scenarios import singleton

from .mutation import Mutation, change

_LEASED_KEY = "where l.singleton_key = j.singleton_key"
_KEY_LOCK = "v_locked := _try_lock_keys(array("
_SLOT_LOCK = "for no key update skip locked"

MUTATIONS = (
    Mutation(
        "the lock of a key, tried by a claim",
        [singleton.a_claim_skips_a_key_that_another_claim_is_taking],
        change("_filter_claimable", _KEY_LOCK, "v_locked := (array("),
    ),
    Mutation(
        "a claim does not wait for the lock of a key",
        [singleton.a_claim_skips_a_key_that_another_claim_is_taking],
        change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "locks of keys are not advisory locks",
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
        [singleton.a_statement_that_claims_many_needs_holds_few_locks],
        change("_advisory_lock_key", "& 255", "& 65535"),
    ),
    Mutation(
        "slots that are missing are restored",
        [singleton.a_missing_key_slot_is_restored],
        change("_try_lock_keys", "or not _restore_slots(v_slots)", "or true"),
    ),
    Mutation(
        "a session that restores slots is not waited for",
        [singleton.a_missing_key_slot_is_restored],
        change("_restore_slots", "1ms", "0"),
    ),
    Mutation(
        "the second check for a leased key",
        [singleton.a_claim_sees_a_lease_committed_before_it_locked_the_key],
        change("_filter_claimable", "where l.singleton_key = v.key", "where false")
        + change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "the check of keys that were chosen before maintenance",
        [singleton.a_job_promoted_by_a_claim_respects_the_keys_it_chose],
        change("_filter_claimable", "and j.job_id = any (chosen)", "and false"),
    ),
    Mutation(
        "a busy key is not locked",
        [singleton.an_open_claim_that_skipped_a_key_does_not_hold_it],
        change("_filter_claimable", _LEASED_KEY, "where false"),
    ),
    Mutation(
        "one candidate of a key in a batch",
        [singleton.one_claim_takes_one_job_of_a_key],
        change("_filter_claimable", "order by i.ordinality) > 1", "order by i.ordinality) > 9"),
    ),
    Mutation(
        "the unique index on leased keys",
        [singleton.an_old_snapshot_cannot_lease_a_key_that_was_leased_since],
        sql="drop index leasehold.leased_key_idx",
    ),
    Mutation(
        "the lock of a key, tried by an unpark",
        [singleton.the_next_job_of_a_key_is_not_lost_when_it_is_submitted_while_the_holder_ends],
        change("_unpark_next", "_try_lock_keys(array[singleton_key]) = '{}'", "false"),
    ),
    Mutation(
        "an unpark does not wait for the lock of a key",
        [singleton.the_end_of_a_job_does_not_wait_for_an_unpark_of_its_key],
        change("_try_lock_keys", _SLOT_LOCK, "for no key update"),
    ),
    Mutation(
        "the deferred item for a key that another session has locked",
        [singleton.the_end_of_a_job_does_not_wait_for_an_unpark_of_its_key],
        change("_release_key", "array[singleton_key]", "array['nobody''s']"),
    ),
    Mutation(
        "skip locked for the head of a key",
        [singleton.a_locked_head_of_a_key_does_not_block_the_key],
        change("_unpark_next", "for no key update skip locked", "for no key update"),
    ),
)
