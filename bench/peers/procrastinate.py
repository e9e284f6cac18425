"""procrastinate through its worker, which LISTEN wakes. Its other functions are SQL, and pgbench calls them."""

from __future__ import annotations

import asyncio
import time

from procrastinate import App, PsycopgConnector

from .client import Task, answer, main, pickups


async def install(task: Task) -> None:
    async with App(connector=PsycopgConnector(conninfo=task.url)).open_async() as app:
        await app.schema_manager.apply_schema_async()
    answer(jobs=0, seconds=0)


async def pickup(task: Task) -> None:
    started: asyncio.Queue[float] = asyncio.Queue()
    app = App(connector=PsycopgConnector(conninfo=task.url))

    @app.task(queue="bench", name="work")
    async def work(**_: object) -> None:
        started.put_nowait(time.perf_counter())

    async with app.open_async():
        worker = asyncio.create_task(
            app.run_worker_async(queues=["bench"], install_signal_handlers=False)
        )
        await pickups(task, lambda: work.defer_async(**task.payload), started)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


if __name__ == "__main__":
    main({"install": install, "pickup": pickup})
