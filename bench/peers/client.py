"""The common part of the Python clients: the task that they get, loops that end in time, and their output.

The task is a JSON object in the only argument. A client prints `{"done": n}` once a second, and at the end
`{"jobs": n, "seconds": s}`. Time is counted from the moment when everything is connected.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

SAMPLES_PER_SECOND = 20


@dataclass(frozen=True, slots=True)
class Task:
    """A task. The step ends after `jobs` if that is given, else after `seconds`; `clients` run in parallel."""

    url: str
    step: str
    seconds: float
    clients: int
    jobs: int
    payload: dict[str, Any]

    @property
    def json(self) -> str:
        return json.dumps(self.payload)


Operation = Callable[[], Awaitable[int]]


def main(steps: Mapping[str, Callable[[Task], Awaitable[None]]]) -> None:
    task = Task(**json.loads(sys.argv[1]))
    asyncio.run(_run(steps[task.step], task))


async def _run(step: Callable[[Task], Awaitable[None]], task: Task) -> None:
    await step(task)


def answer(**fields: Any) -> None:
    print(json.dumps(fields), flush=True)


async def repeat(task: Task, operations: list[Operation]) -> None:
    """Repeats each operation in a client of its own, until the time or the jobs are over, or until the queue is empty
    and the operation does nothing.
    """
    done = 0
    begin = time.perf_counter()

    def over() -> bool:
        return done >= task.jobs if task.jobs else time.perf_counter() - begin >= task.seconds

    async def client(operation: Operation) -> None:
        nonlocal done
        while not over():
            some = await operation()
            if not some:
                return
            done += some

    clients = asyncio.gather(*(client(operation) for operation in operations))
    ticker = asyncio.create_task(tick(lambda: done))
    await clients
    elapsed = time.perf_counter() - begin
    ticker.cancel()
    answer(jobs=done, seconds=elapsed)


async def watch(task: Task, count: Callable[[], int], ready: int | None = None) -> None:
    """Counts the jobs that workers do, from the first job on, until the time is over or `ready` jobs are done."""
    waited = time.perf_counter()
    while not (first := count()):
        if time.perf_counter() - waited > 20:
            raise SystemExit("no job was started within 20 s")
        await asyncio.sleep(0.001)
    begin = time.perf_counter()
    ticker = asyncio.create_task(tick(lambda: count() - first))
    last, at = first, begin
    while time.perf_counter() - begin < task.seconds:
        await asyncio.sleep(0.005)
        if count() > last:
            last, at = count(), time.perf_counter()
        if (ready is not None and count() >= ready) or (task.jobs and count() - first >= task.jobs):
            break
    dry = ready is not None and last >= ready
    elapsed = (at if dry else time.perf_counter()) - begin
    ticker.cancel()
    answer(jobs=last - first, seconds=elapsed, note="until the queue was empty" if dry else "")


async def tick(count: Callable[[], int]) -> None:
    begin = time.perf_counter()
    for second in range(1, 1_000_000):
        await asyncio.sleep(begin + second - time.perf_counter())
        answer(done=count())


async def pickups(
    task: Task, submit: Callable[[], Awaitable[object]], started: asyncio.Queue[float]
) -> None:
    """Submits one job after the other, each when the worker is idle, and measures the time from the return of submit to
    the start of the handler, in ms.

    The handler may start before submit has returned; that counts as zero.
    """
    latencies = []
    await submit()
    await asyncio.wait_for(started.get(), 20)
    begin = time.perf_counter()
    while time.perf_counter() - begin < task.seconds:
        await asyncio.sleep(random.uniform(0.5, 1.5) / SAMPLES_PER_SECOND)
        await submit()
        sent = time.perf_counter()
        latencies.append(max(0.0, (await asyncio.wait_for(started.get(), 20) - sent) * 1e3))
    answer(jobs=len(latencies), seconds=time.perf_counter() - begin, latencies=latencies)
