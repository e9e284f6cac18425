"""Privileges, and the wake-up of waiting workers."""

from __future__ import annotations

from concurrency.scenarios import wakeup

from .mutation import Mutation, change

# maintenance locks every lease whose check_at has passed, extended or not
_LOOSE = change(
    "_lock_due",
    "and _reclaimable_at(j.fence, j.leased_at, j.lease_expires_at, v_up_since) <= _lock_due.now",
)

MUTATIONS = (
    Mutation(
        "PUBLIC has no privileges",
        [wakeup.public_may_do_nothing],
        sql="grant execute on function leasehold._now() to public",
    ),
    Mutation(
        "a notification ends the registration",
        [wakeup.a_worker_is_notified_once_for_each_registration],
        change("_wake_waiters", "if not v_fixed then", "if false then"),
    ),
    Mutation(
        "transactions that notify do not wait for each other",
        [wakeup.a_notification_of_an_open_or_aborted_transaction_stops_no_other],
        change("_wake_waiters", " skip locked", ""),
    ),
    Mutation(
        "prefixes are filed under their whole parts",
        [wakeup.a_prefix_that_ends_inside_a_part_is_notified],
        change("_stem", "regexp_replace(capability, '[^.]*$', '')", "left(capability, -1)"),
    ),
    Mutation(
        "a registration becomes reliable only after those that may have missed it have ended",
        [wakeup.a_registration_is_reliable_only_when_no_submit_can_miss_it],
        change(
            "wakeup_channel",
            "if _horizon_passed(pg_current_xact_id_if_assigned()) and",
            "if",
        ),
    ),
    Mutation(
        "each session is given another scheduled job",
        [wakeup.each_scheduled_job_is_the_alarm_of_one_waiting_worker],
        change(
            "_set_alarm",
            "_next_scheduled_at(capabilities, now, v_others)",
            "_next_scheduled_at(capabilities, now)",
        ),
    ),
    *(
        Mutation(
            f"a notification for a job that becomes scheduled, in {function}",
            [wakeup.a_job_scheduled_while_all_workers_wait_wakes_one_of_them],
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
        "a notification for the session that watches alone",
        [wakeup.a_job_scheduled_while_all_workers_wait_wakes_one_of_them],
        change("_wake_for_scheduled", "if v_channel.watcher is null then", "if true then"),
    ),
    Mutation(
        "a notification only for a job that is due before the session wakes anyway",
        [wakeup.a_job_due_after_the_worker_wakes_anyway_wakes_no_worker],
        change("_wake_for_scheduled", "greatest(v_now, n.due_at)", "v_now"),
    ),
    Mutation(
        "the session that watches is still connected",
        [wakeup.all_workers_are_woken_when_the_one_that_watches_is_gone],
        change("_watcher", "where exists (select from pg_stat_get_activity(s.pid))"),
    ),
    Mutation(
        "a session that registered watches only while it has no alarm",
        [wakeup.a_worker_with_an_alarm_does_not_watch_for_other_jobs],
        change("_watcher", "and a.pid = w.pid", "and false"),
    ),
    Mutation(
        "no notification for jobs that a claim takes itself",
        [wakeup.a_claim_wakes_no_worker_for_a_job_it_takes_itself],
        change("_release_wakeups", "::uuid <> all (taken)", "::uuid is not null"),
    ),
    Mutation(
        "a notification for jobs that a claim does not take",
        [wakeup.a_claim_wakes_no_worker_for_a_job_it_takes_itself],
        change("_release_wakeups", "if v_needs is not null then", "if false then"),
    ),
    Mutation(
        "a registration becomes reliable only after older snapshots are gone",
        [wakeup.a_new_channel_waits_for_older_snapshots],
        change("wakeup_channel", "and _channel_known_to_all(v_channel, v_until)"),
    ),
    Mutation(
        "a channel is known for longer than one registration",
        [wakeup.a_channel_stays_known_while_its_workers_are_woken],
        change(
            "_keep_channel_known", "if v_covered > now + interval '2 days' then", "if false then"
        )
        + change("_channel_known_to_all", "order by l.known_until", "order by l.known_until desc"),
    ),
    Mutation(
        "a submit with a fixed snapshot does not rely on what it sees",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_notifies],
        change("submit", "and not _snapshot_is_fixed()"),
    ),
    Mutation(
        "a batch with a fixed snapshot does not rely on what it sees",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_notifies],
        change("_open_lanes_and_wake", "or _snapshot_is_fixed()"),
    ),
    Mutation(
        "scheduling a job with a fixed snapshot does not rely on what it sees",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_notifies],
        change("_wake_for_scheduled", "elsif _snapshot_is_fixed() then", "elsif false then"),
    ),
    Mutation(
        "a transaction with a fixed snapshot notifies all channels that are known",
        [wakeup.a_submit_with_a_snapshot_older_than_the_registration_notifies],
        change("_wake_waiters", "(v_fixed or exists", "(exists"),
    ),
    Mutation(
        "a bound for the channels under one stem",
        [wakeup.many_registrations_cost_a_submit_little],
        change("_keep_channel_known", ">= 256", ">= 100000"),
    ),
    Mutation(
        "a bound for prefixes under one stem",
        [wakeup.many_registrations_cost_a_submit_little],
        change("_keep_channel_known", "cardinality(f.prefixes) <= 4", "true"),
    ),
    Mutation(
        "maintenance skips a lease that was extended",
        [wakeup.maintenance_does_not_lock_an_extended_lease],
        _LOOSE,
    ),
)
