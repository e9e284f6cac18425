"""Rights, and waking workers that wait."""

from __future__ import annotations

from concurrency.scenarios import wakeup

from .mutation import Mutation, change

# upkeep locks every lease whose check_at has passed, extended or not
_LOOSE = change(
    "_lock_due",
    "and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_due.now",
)

MUTATIONS = (
    Mutation(
        "PUBLIC's rights",
        [wakeup.public_may_do_nothing],
        sql="grant execute on function leasehold._now() to public",
    ),
    Mutation(
        "a bell that rang ends the registration",
        [wakeup.a_bell_rings_once_until_somebody_waits_again],
        change("_wake_waiters", "if not v_fixed then", "if false then"),
    ),
    Mutation(
        "ringers do not wait for each other",
        [wakeup.a_bell_of_an_open_or_undone_transaction_stops_no_other],
        change("_wake_waiters", " skip locked", ""),
    ),
    Mutation(
        "prefixes are filed under their whole parts",
        [wakeup.a_prefix_that_ends_inside_a_part_is_rung],
        change("_stem", "regexp_replace(capability, '[^.]*$', '')", "left(capability, -1)"),
    ),
    Mutation(
        "the doorbell waits for who may have missed it",
        [wakeup.a_bell_is_armed_only_when_nobody_can_miss_it],
        change(
            "wakeup_channel",
            "if pg_snapshot_xmin(pg_current_snapshot()) >= pg_current_xact_id()\n            and",
            "if",
        ),
    ),
    Mutation(
        "each is told of another scheduled job",
        [wakeup.of_many_that_wait_one_is_told_of_each_scheduled_job],
        change(
            "_set_alarm",
            "_next_scheduled_at(capabilities, now, v_others)",
            "_next_scheduled_at(capabilities, now)",
        ),
    ),
    *(
        Mutation(
            f"a bell for a job that becomes scheduled, in {function}",
            [wakeup.a_job_scheduled_while_all_sleep_wakes_one_of_them],
            change(function, call),
        )
        for function, call in (
            (
                "_store_job",
                "perform _wake_for_scheduled(array[v_request.next_need], array[v_available_at]);",
            ),
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
        [wakeup.a_job_scheduled_while_all_sleep_wakes_one_of_them],
        change("_wake_for_scheduled", "if v_channel.watcher is null then", "if true then"),
    ),
    Mutation(
        "a bell for what is due before the next look alone",
        [wakeup.a_job_scheduled_beyond_the_next_look_of_who_sleeps_wakes_nobody],
        change("_wake_for_scheduled", "greatest(v_now, n.due_at)", "v_now"),
    ),
    Mutation(
        "the one that watches is there",
        [wakeup.where_the_one_that_watched_is_gone_all_are_woken],
        change("_watcher", "where exists (select from pg_stat_get_activity(s.pid))"),
    ),
    Mutation(
        "who registered watches only while it is told nothing",
        [wakeup.who_is_told_of_one_job_does_not_watch_for_others],
        change("_watcher", "and a.pid = w.pid", "and false"),
    ),
    Mutation(
        "no bell for what a claim takes itself",
        [wakeup.a_claim_wakes_nobody_for_what_it_takes_itself],
        change("_release_wakeups", "::uuid <> all (taken)", "::uuid is not null"),
    ),
    Mutation(
        "a bell for what a claim does not take",
        [wakeup.a_claim_wakes_nobody_for_what_it_takes_itself],
        change("_release_wakeups", "if v_needs is not null then", "if false then"),
    ),
    Mutation(
        "the doorbell waits for snapshots that do not know it",
        [wakeup.a_bell_that_is_new_waits_for_snapshots_that_are_older],
        change("wakeup_channel", "and _channel_known_to_all(v_channel, v_until)"),
    ),
    Mutation(
        "a channel is known for longer than one registration",
        [wakeup.a_channel_stays_known_while_a_fleet_is_rung],
        change(
            "_keep_channel_known", "if v_covered > now + interval '2 days' then", "if false then"
        )
        + change("_channel_known_to_all", "order by l.known_until", "order by l.known_until desc"),
    ),
    Mutation(
        "a submit with an old snapshot does not rely on it",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_rings],
        change("submit", "and not _snapshot_is_fixed()"),
    ),
    Mutation(
        "a batch with an old snapshot does not rely on it",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_rings],
        change("_open_lanes_and_wake", "or _snapshot_is_fixed()"),
    ),
    Mutation(
        "a job that is scheduled with an old snapshot does not rely on it",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_rings],
        change("_wake_for_scheduled", "elsif _snapshot_is_fixed() then", "elsif false then"),
    ),
    Mutation(
        "who rings with an old snapshot rings all that are known",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_rings],
        change("_wake_waiters", "(v_fixed or exists", "(exists"),
    ),
    Mutation(
        "a bound for who is filed under one stem",
        [wakeup.what_others_wait_for_costs_a_submit_little],
        change("_keep_channel_known", ">= 256", ">= 100000"),
    ),
    Mutation(
        "a bound for prefixes under one stem",
        [wakeup.what_others_wait_for_costs_a_submit_little],
        change("_keep_channel_known", "cardinality(f.prefixes) <= 4", "true"),
    ),
    Mutation(
        "upkeep passes by a lease that was extended",
        [wakeup.upkeep_does_not_hold_a_lease_that_was_extended],
        _LOOSE,
    ),
)
