"""Leasehold through its Python package: await_work listens over a connection of its own, as its Worker does."""

from __future__ import annotations

import asyncio
import threading
import time

import psycopg

from leasehold import Leasehold

from .client import Task, main, pickups

NEED = "bench.work.v1"


async def pickup(task: Task) -> None:
    loop = asyncio.get_running_loop()
    started: asyncio.Queue[float] = asyncio.Queue()
    stop = threading.Event()

    def work() -> None:
        with Leasehold(task.url) as engine:
            while not stop.is_set():
                for lease in engine.await_work("w", [NEED], stop=stop):
                    loop.call_soon_threadsafe(started.put_nowait, time.perf_counter())
                    lease.complete()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        with psycopg.connect(task.url, autocommit=True) as conn:
            engine = Leasehold(conn)

            async def submit() -> None:
                engine.submit(NEED, task.payload)

            await pickups(task, submit, started)
    finally:
        stop.set()
        worker.join()


if __name__ == "__main__":
    main({"pickup": pickup})
