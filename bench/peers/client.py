"""What the Python clients share: the task they are given, loops that end in time, and how they answer.

The task is a JSON object, the only argument. A client prints `{"done": n}` once a second, and last of all
`{"jobs": n, "seconds": s}`. Time counts from when everything is connected.
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
    """`jobs` ends the step where it is given, else `seconds` do; `clients` go on at once."""

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
    """Repeats each operation, one client each, until time or jobs are over, or it did nothing: the queue is empty."""
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
    """Counts what workers do meanwhile, from the first job on, until time is over or `ready` are done."""
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
    """One job after the other, each when the worker has been idle: from submit's return to the handler's start, in ms.

    The handler may start before submit has returned; that counts as nothing.
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
