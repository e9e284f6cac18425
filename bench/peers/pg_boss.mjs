// pg-boss by send, insert, fetch and complete, which its own worker calls, too; pickup is the worker's, woken by
// NOTIFY, which queue and instance have to ask for. Supervision and schedules are off while it is measured.

import { answer, load, main, pickups, repeat, Started, task } from "./client.mjs";

const { PgBoss } = load("pg-boss");
const QUEUE = "bench";
const BATCH = 100;
const MANY = 1000;

async function start(options = {}) {
  const boss = new PgBoss({
    connectionString: task.url,
    max: task.clients,
    supervise: false,
    schedule: false,
    ...options,
  });
  boss.on("error", (error) => console.error(error.message));
  return boss.start();
}

async function install() {
  const boss = await start({ max: 2 });
  await boss.createQueue(QUEUE);
  answer({ jobs: 0, seconds: 0 });
}

const submit = async (boss) => ((await boss.send(QUEUE, task.payload)) ? 1 : 0);

async function submitSome(boss, jobs) {
  await boss.insert(QUEUE, Array.from({ length: jobs }, () => ({ data: task.payload })));
  return jobs;
}

async function work(boss, batchSize) {
  const jobs = await boss.fetch(QUEUE, { batchSize });
  if (jobs.length) await boss.complete(QUEUE, jobs.map((job) => job.id));
  return jobs.length;
}

const throughput = (operation) => async () => {
  const boss = await start();
  await repeat(() => operation(boss));
};

async function pickup() {
  const boss = await start({ max: 4, useListenNotify: true });
  await boss.updateQueue(QUEUE, { notify: true });
  const started = new Started();
  await boss.work(QUEUE, async () => started.now());
  await pickups(() => submit(boss), started);
}

await main({
  install,
  pickup,
  submit: throughput(submit),
  submit_many: throughput((boss) => submitSome(boss, MANY)),
  cycle: throughput((boss) => work(boss, 1)),
  batch: throughput((boss) => work(boss, BATCH)),
  full: throughput(async (boss) => (await submit(boss)) && work(boss, 1)),
  full_batch: throughput(async (boss) => (await submitSome(boss, BATCH)) && work(boss, BATCH)),
});
