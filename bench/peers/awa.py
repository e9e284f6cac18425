"""awa through its Python client. Its engine is compiled; only the handler is Python.

One job is submitted through its bridge over asyncpg, which is faster than the client's own insert; a batch through
enqueue_many_copy. Only its own worker claims, in batches that it chooses, so claiming one job and claiming a hundred
are the same for it. It was fastest with 100 at a time; with 4 it reaches a tenth of that rate. For a full cycle, the
handler inserts the next job before it returns. The client uses its queue storage, not the older tables, which a fresh
database abandons at the first start of a worker.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import awa
from awa.bridge import insert_job

from .client import Operation, Task, answer, main, pickups, repeat, watch

QUEUE = "bench"
WORKERS = 100
BATCH = 100
MANY = 1_000


@dataclass
class Work:
    invoice: int
    customer: str
    amount: str


async def install(task: Task) -> None:
    async with awa.AsyncClient(task.url) as client:
        await client.migrate()
        client.task(Work, queue=QUEUE)(_nothing)
        await client.start([(QUEUE, 1)])
        await client.shutdown()
    answer(jobs=0, seconds=0)


async def _nothing(_: awa.Job) -> None:
    pass


async def submit(task: Task) -> None:
    job = Work(**task.payload)

    def client(conn: asyncpg.Connection) -> Operation:
        async def one() -> int:
            await insert_job(conn, job, queue=QUEUE)
            return 1

        return one

    connections = [await asyncpg.connect(task.url) for _ in range(task.clients)]
    await repeat(task, [client(conn) for conn in connections])


async def submit_many(task: Task) -> None:
    jobs = [Work(**task.payload)] * MANY
    async with awa.AsyncClient(task.url, task.clients) as client:

        async def many() -> int:
            return int(await client.enqueue_many_copy(jobs, queue=QUEUE))

        await repeat(task, [many] * task.clients)


async def work(task: Task) -> None:
    """Works off the jobs that are ready."""
    done = 0

    async def handler(_: awa.Job) -> None:
        nonlocal done
        done += 1

    async with awa.AsyncClient(task.url) as client:
        client.task(Work, queue=QUEUE)(handler)
        (queue,) = [stat for stat in await client.queue_stats() if stat.queue == QUEUE]
        await client.start([(QUEUE, WORKERS)])
        await watch(task, lambda: done, ready=queue.available)
        await client.shutdown()


async def full(task: Task) -> None:
    """Each job submits the next one, so that their number stays the same."""
    done = 0
    job = Work(**task.payload)

    async def handler(_: awa.Job) -> None:
        nonlocal done
        await client.insert(job, queue=QUEUE)
        done += 1

    async with awa.AsyncClient(task.url) as client:
        client.task(Work, queue=QUEUE)(handler)
        await client.start([(QUEUE, WORKERS)])
        await watch(task, lambda: done)
        await client.shutdown()


async def full_batch(task: Task) -> None:
    """Every hundredth job submits a hundred."""
    done = 0
    jobs = [Work(**task.payload)] * BATCH

    async def handler(_: awa.Job) -> None:
        nonlocal done
        done += 1
        if done % BATCH == 0:
            await client.enqueue_many_copy(jobs, queue=QUEUE)

    async with awa.AsyncClient(task.url) as client:
        client.task(Work, queue=QUEUE)(handler)
        await client.start([(QUEUE, WORKERS)])
        await watch(task, lambda: done)
        await client.shutdown()


async def pickup(task: Task) -> None:
    started: asyncio.Queue[float] = asyncio.Queue()

    async def handler(_: awa.Job) -> None:
        started.put_nowait(time.perf_counter())

    async with awa.AsyncClient(task.url) as client:
        client.task(Work, queue=QUEUE)(handler)
        await client.start([(QUEUE, WORKERS)])
        await pickups(task, lambda: client.insert(Work(**task.payload), queue=QUEUE), started)
        await client.shutdown()


if __name__ == "__main__":
    main(
        {
            "install": install,
            "submit": submit,
            "submit_many": submit_many,
            "cycle": work,
            "batch": work,
            "full": full,
            "full_batch": full_batch,
            "pickup": pickup,
        }
    )
