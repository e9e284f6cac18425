"""The Python package through pgbouncer in transaction mode: everything works without a session."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import server
import support
from conftest import Connection
from leasehold import Lease, Leasehold, Worker, session

CONFIG = """
[databases]
{dbname} = host={host} port={port} user={user} password='{password}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_round_robin = 1
"""


@pytest.fixture
def bouncer_dsn(dsn: str, tmp_path: Path) -> Iterator[str]:
    """The connection string of `database` through pgbouncer."""
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if not os.access(program, os.X_OK):
        pytest.skip("there is no pgbouncer")
    named = {"host": "127.0.0.1", "port": 5432, "password": "", **conninfo_to_dict(dsn)}
    listen = server.free_port()
    config = tmp_path / "pgbouncer.ini"
    config.write_text(CONFIG.format(**named, listen=listen))
    other_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, *other_user, str(config)],
        stdout=subprocess.DEVNULL,
        stderr=(tmp_path / "log").open("wb"),
    )
    through = make_conninfo(dsn, host="127.0.0.1", port=listen, sslmode="disable")

    def answers() -> bool:
        assert process.poll() is None, (tmp_path / "log").read_text()
        try:
            psycopg.connect(through, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    try:
        support.eventually(answers, "pgbouncer answers")
        yield through
    finally:
        process.terminate()
        process.wait(10)


def test_a_pooled_connection_is_recognized(bouncer_dsn: str) -> None:
    with psycopg.connect(bouncer_dsn, autocommit=True, prepare_threshold=None) as conn:
        assert session.is_pooled(conn)


def test_a_worker_behind_a_pooler_works_and_keeps_its_leases(
    bouncer_dsn: str, conn: Connection
) -> None:
    conn.execute("create table public.written (job_id uuid)")
    slow = Leasehold(conn).submit("a.slow").job_id
    Leasehold(conn).submit_many([{"next_need": "a.b"}] * 30)

    def quick(lease: Lease) -> None:
        with lease.transaction() as inside:
            inside.execute("insert into written values (%s)", [lease.job_id])
            lease.complete()

    def takes_long(lease: Lease) -> None:
        time.sleep(3)
        assert lease.state == "held"

    worker = Worker(
        bouncer_dsn, {"a.b": quick, "a.slow": takes_long}, threads=3, lease=2.0, poll=0.2
    )
    call = support.background(lambda: worker.run(signals=False))
    try:
        support.eventually(
            lambda: conn.execute("select count(*) from archive").fetchone() == (31,), "all done"
        )
    finally:
        worker.stop()
        call.result(timeout=60)
    assert conn.execute("select count(distinct job_id), count(*) from written").fetchone() == (
        30,
        30,
    )
    assert Leasehold(conn).job(slow).attempt == 1
    assert conn.execute("select count(*) from waiter").fetchone() == (
        0,
    )  # no useless registration is made


def test_waiting_behind_a_pooler_polls(bouncer_dsn: str, conn: Connection) -> None:
    with Leasehold(bouncer_dsn) as leasehold:
        stop = threading.Event()
        call = support.background(
            lambda: leasehold.await_work("w", ["a.b"], poll=0.3, timeout=20, stop=stop)
        )
        time.sleep(0.5)
        Leasehold(conn).submit("a.b")
        (lease,) = call.result(timeout=60)
        lease.complete()
