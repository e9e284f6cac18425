// graphile-worker by its worker: `cycle` claims one and completes one with as many jobs at once as there are
// clients; `batch` takes a hundred at a time into its local queue and completes what has ended together, as its page
// on performance advises. addJobs is its batch. A full cycle is a task that adds the next job before it returns.

import { answer, load, main, pickups, Started, task, watch } from "./client.mjs";

const { Logger, makeWorkerUtils, run, runMigrations } = load("graphile-worker");
const pg = load("pg");
const TASK = "work";
const BATCH = 100;
const logger = new Logger(() => () => {});

async function install() {
  await runMigrations({ connectionString: task.url, logger });
  answer({ jobs: 0, seconds: 0 });
}

async function utils() {
  const pgPool = new pg.Pool({ connectionString: task.url, max: task.clients });
  pgPool.on("error", (error) => console.error(error.message));
  return makeWorkerUtils({ pgPool, logger });
}

const some = (jobs) => Array.from({ length: jobs }, () => ({ identifier: TASK, payload: task.payload }));

function work(handler, batched) {
  const pgPool = new pg.Pool({ connectionString: task.url, max: 10 });
  pgPool.on("error", (error) => console.error(error.message));
  return run({
    pgPool,
    logger,
    noHandleSignals: true,
    taskList: { [TASK]: handler },
    preset: {
      worker: {
        concurrentJobs: batched ? BATCH : task.clients,
        ...(batched && { localQueue: { size: BATCH }, completeJobBatchDelay: 0, failJobBatchDelay: 0 }),
      },
    },
  });
}

const throughput = (handler, batched) => async () => {
  let done = 0;
  await work(async (_, helpers) => {
    done += 1;
    await handler(helpers, done);
  }, batched);
  await watch(() => done);
};

async function pickup() {
  const started = new Started();
  await work(async () => started.now(), false);
  const worker = await utils();
  await pickups(() => worker.addJob(TASK, task.payload), started);
}

await main({
  install,
  pickup,
  cycle: throughput(async () => {}, false),
  batch: throughput(async () => {}, true),
  full: throughput((helpers) => helpers.addJob(TASK, task.payload), false),
  full_batch: throughput(async (helpers, done) => {
    if (done % BATCH === 0) await helpers.addJobs(some(BATCH));
  }, true),
});
