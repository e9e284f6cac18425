"""pgqueuer through its `Queries`, which its own worker calls, over asyncpg, the faster of its drivers.

enqueue takes one job or lists of jobs; dequeue claims up to batch_size jobs; log_jobs ends the given jobs in one
statement. Its worker (QueueManager) adds Python code between these calls, so calling them directly is faster. Only
pickup uses the worker. The tables are logged, which is its default ("durable").
"""

from __future__ import annotations

import asyncio
import time
import uuid
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
from pgqueuer.types import QueueEntrypoint, QueueManagerId

from .client import Operation, Task, answer, main, pickups, repeat

ENTRYPOINT = QueueEntrypoint("work")
BATCH = 100
MANY = 1_000


class Client:
    """One connection, and the operations over it."""

    def __init__(self, queries: Queries, payload: bytes) -> None:
        self.queries = queries
        self.payload = payload
        self.manager = QueueManagerId(uuid.uuid4())

    @classmethod
    async def connect(cls, task: Task) -> Client:
        driver = AsyncpgDriver(await asyncpg.connect(task.url))
        return cls(Queries(driver), task.json.encode())

    async def submit(self) -> int:
        return len(await self.queries.enqueue(ENTRYPOINT, self.payload))

    async def submit_some(self, jobs: int) -> int:
        payloads: list[bytes | None] = [self.payload] * jobs
        return len(await self.queries.enqueue([ENTRYPOINT] * jobs, payloads, [0] * jobs))

    async def work(self, jobs: int) -> int:
        claimed = await self.queries.dequeue(
            batch_size=jobs,
            entrypoints={ENTRYPOINT: EntrypointExecutionParameter(concurrency_limit=0)},
            queue_manager_id=self.manager,
            global_concurrency_limit=None,
            heartbeat_timeout=timedelta(seconds=30),
        )
        if claimed:
            await self.queries.log_jobs([(job, "successful", None) for job in claimed])
        return len(claimed)

    async def full(self) -> int:
        await self.submit()
        return await self.work(1)

    async def full_batch(self) -> int:
        await self.submit_some(BATCH)
        return await self.work(BATCH)

    def operation(self, step: str) -> Operation:
        return {
            "submit": self.submit,
            "submit_many": lambda: self.submit_some(MANY),
            "cycle": lambda: self.work(1),
            "batch": lambda: self.work(BATCH),
            "full": self.full,
            "full_batch": self.full_batch,
        }[step]


async def throughput(task: Task) -> None:
    clients = [await Client.connect(task) for _ in range(task.clients)]
    await repeat(task, [client.operation(task.step) for client in clients])


async def install(task: Task) -> None:
    await (await Client.connect(task)).queries.install()
    answer(jobs=0, seconds=0)


async def pickup(task: Task) -> None:
    started: asyncio.Queue[float] = asyncio.Queue()
    worker = PgQueuer(AsyncpgDriver(await asyncpg.connect(task.url)))

    @worker.entrypoint(ENTRYPOINT)
    async def work(_: Job) -> None:
        started.put_nowait(time.perf_counter())

    running = asyncio.create_task(worker.run())
    client = await Client.connect(task)
    await pickups(task, client.submit, started)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


STEPS = ("submit", "submit_many", "cycle", "batch", "full", "full_batch")

if __name__ == "__main__":
    uvloop.install()
    main(dict.fromkeys(STEPS, throughput) | {"install": install, "pickup": pickup})
