"""Submits that are repeated: idempotency keys and job ids."""

from __future__ import annotations

from concurrency.scenarios import submit

from .mutation import Mutation, change

MUTATIONS = (
    Mutation(
        "an idempotency key is inserted before it is looked up",
        [submit.a_second_submit_of_a_key_gets_the_first_job],
        change(
            "_reserve_key",
            "on conflict on constraint idempotency_pkey do nothing",
            "",
        ),
    ),
    Mutation(
        "an idempotency key is looked up in a new statement",
        [submit.a_second_submit_of_a_key_gets_the_first_job],
        change(
            "_reserve_key",
            "if found then\n            return null;\n        end if;",
            "return null;",
        ),
    ),
    Mutation(
        "an idempotency key that an old snapshot cannot see",
        [submit.an_old_snapshot_submits_a_key_once],
        change(
            "_reserve_key",
            "on conflict on constraint idempotency_pkey do nothing",
            "",
        ),
    ),
    Mutation(
        "the hash of the request",
        [submit.a_second_submit_of_a_key_gets_the_first_job],
        change("_reserve_key", "if v_known.request <> request then", "if false then"),
    ),
    Mutation(
        "the list of given ids",
        [submit.a_given_id_is_taken_once],
        change(
            "_reserve_id",
            "insert into given_id (job_id) values (_reserve_id.job_id)"
            " on conflict on constraint given_id_pkey do nothing;",
            "perform 1;",
        ),
    ),
    Mutation(
        "a key whose job was purged is free",
        [submit.a_key_whose_job_was_purged_is_taken_over_once],
        change(
            "_reserve_key",
            "exit when v_known.job_id = mine or _job_exists(v_known.job_id)",
            "exit when true",
        ),
    ),
    Mutation(
        "a key is taken over from the job that was purged, not from the one that took it over",
        [submit.a_key_is_taken_over_by_one_of_two_sessions_that_find_it_free],
        change("_reserve_key", " and i.job_id = v_known.job_id"),
    ),
    Mutation(
        "an id whose job was purged is locked",
        [submit.a_given_id_whose_job_was_purged_is_taken_once],
        change(
            "_reserve_id",
            "perform from given_id as g where g.job_id = _reserve_id.job_id for update;",
            "perform 1;",
        ),
    ),
)
