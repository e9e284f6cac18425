"""Fault 20: through pgbouncer in transaction mode, where each transaction may have another backend,
and a backend may be terminated in the middle of one."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import engine
import server
from conftest import Connection
from support import eventually, run_threads, value


@pytest.fixture
def pooled(dsn: str, conn: Connection) -> Iterator[str]:
    """The test's database through pgbouncer, with two backends for all clients."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    given = conninfo_to_dict(dsn)
    # The options of a client do not reach every backend, so that the database sets the search path.
    conn.execute(f'alter database "{given["dbname"]}" set search_path = leasehold, public')
    port = server.free_port()
    directory = Path(tempfile.mkdtemp(prefix="leasehold-pooler-"))
    target = " ".join(
        f"{key}={given[key]}"
        for key in ("host", "port", "user", "password", "dbname")
        if key in given
    )
    (directory / "pgbouncer.ini").write_text(
        f"[databases]\npooled = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 2\nmax_client_conn = 100\n"
        "ignore_startup_parameters = extra_float_digits,options\n"
    )
    user: dict[str, Any] = {}
    if os.geteuid() == 0:  # pgbouncer refuses to run as root
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for path in (directory, *directory.iterdir()):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    with (directory / "log").open("wb") as log:
        pooler = subprocess.Popen(
            [program, str(directory / "pgbouncer.ini")], stdout=log, stderr=log, cwd="/", **user
        )
    through = make_conninfo(host="127.0.0.1", port=port, user="anybody", dbname="pooled")
    try:
        for _ in range(200):
            try:
                psycopg.connect(through, connect_timeout=5).close()
                break
            except psycopg.OperationalError as error:
                if pooler.poll() is not None:
                    text = (directory / "log").read_text(errors="replace")
                    pytest.skip(f"pgbouncer does not start: {text[-400:]}")
                last = error
                time.sleep(0.05)
        else:
            raise AssertionError(f"pgbouncer does not answer: {last}")
        yield through
    finally:
        pooler.terminate()
        pooler.wait(timeout=60)
        shutil.rmtree(directory, ignore_errors=True)


def test_jobs_are_done_through_a_transaction_pooler(pooled: str, conn: Connection) -> None:
    def client() -> Connection:
        return psycopg.connect(pooled, autocommit=True, prepare_threshold=None)

    def backends() -> int:
        found: int = engine.scalar(
            conn,
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
            " and backend_type = 'client backend'",
        )
        return found

    conn.execute("create table effect (job_id uuid)")
    made = []
    with client() as one_:
        for n in range(40):
            made.append(engine.submit(one_, "x", singleton_key=f"k{n % 7}", retry=engine.AT_ONCE))
        last = engine.submit(one_, "x", wait_for=made)
        value(one_, "set_setting", name="max_crashes", value="100")

    done = False
    dropped = 0

    def work() -> int:
        ended = 0
        session = client()
        while not done:
            try:
                for work in engine.take(session, n=3, lease="5 s"):
                    session.execute("begin")
                    session.execute("insert into effect values (%s)", (work["job_id"],))
                    engine.complete(session, work)
                    session.execute("commit")
                    ended += 1
            except psycopg.Error as error:
                if (error.sqlstate or "08").startswith("LH"):
                    raise
                session.close()
                session = client()
        session.close()
        return ended

    def watch() -> int:
        nonlocal done, dropped
        try:
            for n in range(2000):
                if engine.scalar(conn, "select count(*) = 41 from archive"):
                    return 0
                if n < 40 and n % 8 == 7:  # terminate a backend in the middle of a transaction
                    dropped += len(
                        conn.execute(
                            "select pg_terminate_backend(pid) from pg_stat_activity"
                            " where datname = current_database() and state <> 'idle'"
                            " and pid <> pg_backend_pid() limit 1"
                        ).fetchall()
                    )
                # only eventually: the pooler starts another backend before the terminated one is
                # gone
                eventually(lambda: backends() <= 2, "the pooler uses two backends")
                engine.expire_leases(conn) if n % 50 == 49 else None
                engine.make_due(conn)
                time.sleep(0.01)
        finally:
            done = True
        raise AssertionError("the queue does not drain")

    run_threads([*[work] * 6, watch])
    assert engine.scalar(conn, "select count(*) = count(distinct job_id) from effect")
    assert engine.scalar(conn, "select count(*) from effect") == 41
    assert engine.state(conn, last) == "succeeded"
    engine.check(conn, drained=True)
    # no lock and no setting outlives its transaction in a backend that others use
    assert engine.scalar(conn, "select count(*) from pg_locks where locktype = 'advisory'") == 0
