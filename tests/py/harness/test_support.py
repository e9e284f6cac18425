"""The helpers themselves: a check that cannot fail proves nothing."""

from __future__ import annotations

import psycopg
import pytest

import support
from conftest import Connect, Connection


def test_each_test_has_a_database_of_its_own(conn: Connection, database: str) -> None:
    row = conn.execute("select current_database(), current_schemas(false)").fetchone()
    assert row == (database, ["leasehold", "public"])


def test_a_waiting_backend_is_seen_as_blocked(connect: Connect, conn: Connection) -> None:
    holder, waiter = connect(autocommit=False), connect()
    holder.execute("select pg_advisory_xact_lock(1)")
    call = support.background(lambda: waiter.execute("select pg_advisory_xact_lock(1)"))
    assert support.wait_until_blocked(conn, waiter) == [support.pid(holder)]
    assert not call.done()
    holder.rollback()
    call.result(timeout=60)
    with pytest.raises(AssertionError, match="blocked"):
        support.wait_until_blocked(conn, waiter, seconds=0.05)


def test_threads_run_together_and_show_their_errors() -> None:
    assert support.run_threads([lambda n=n: n * n for n in range(8)]) == [n * n for n in range(8)]

    def fails() -> int:
        raise ValueError("as it should")

    with pytest.raises(ValueError, match="as it should"):
        support.run_threads([lambda: 1, fails])


def test_a_refusal_must_have_the_code(conn: Connection) -> None:
    with support.refused("22012"):
        conn.execute("select 1 / 0")
    with pytest.raises(AssertionError, match="not refused"), support.refused("22012"):
        conn.execute("select 1")
    with pytest.raises(AssertionError, match="42601"), support.refused("22012"):
        conn.execute("selekt")


def test_a_scratch_server_outlives_the_death_of_its_postmaster(scratch_server) -> None:
    with psycopg.connect(scratch_server.dsn, autocommit=True) as conn:
        conn.execute("create table kept as select 1")
    scratch_server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(scratch_server.dsn)
    scratch_server.start()
    with psycopg.connect(scratch_server.dsn) as conn:
        assert conn.execute("select count(*) from kept").fetchone() == (1,)
