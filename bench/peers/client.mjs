// What the Node clients share: as client.py does it for the Python ones.

import { createRequire } from "node:module";
import path from "node:path";

export const task = JSON.parse(process.argv[2]);
export const load = createRequire(path.join(process.env.LEASEHOLD_BENCH_MODULES, "bench.js"));

const now = () => performance.now() / 1000;
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export function answer(fields) {
  console.log(JSON.stringify(fields));
}

function ticking(count) {
  const timer = setInterval(() => answer({ done: count() }), 1000);
  return () => clearInterval(timer);
}

// Repeats the operation in each client until time or jobs are over, or it did nothing.
export async function repeat(operation) {
  let done = 0;
  const begin = now();
  const over = () => (task.jobs ? done >= task.jobs : now() - begin >= task.seconds);
  const stop = ticking(() => done);
  const client = async () => {
    while (!over()) {
      const some = await operation();
      if (!some) return;
      done += some;
    }
  };
  await Promise.all(Array.from({ length: task.clients }, client));
  stop();
  answer({ jobs: done, seconds: now() - begin });
}

// Counts what workers do, from the first job on, until time is over or nothing more is done for a second.
export async function watch(count) {
  const waited = now();
  while (!count()) {
    if (now() - waited > 20) throw new Error("no job was started within 20 s");
    await sleep(0.001);
  }
  const first = count();
  const begin = now();
  const stop = ticking(() => count() - first);
  let last = first;
  let at = begin;
  while (now() - begin < task.seconds && now() - at < 1) {
    await sleep(0.005);
    if (count() > last) [last, at] = [count(), now()];
    if (task.jobs && last - first >= task.jobs) break;
  }
  stop();
  const dry = now() - at >= 1;
  answer({ jobs: last - first, seconds: (dry ? at : now()) - begin, note: dry ? "until the queue was empty" : "" });
}

// One job after the other, each when the worker has been idle: from submit's return to the handler's start.
export async function pickups(submit, started) {
  const latencies = [];
  await submit();
  await started.next();
  const begin = now();
  while (now() - begin < task.seconds) {
    await sleep((0.5 + Math.random()) / 20);
    await submit();
    const sent = now();
    latencies.push(Math.max(0, ((await started.next()) - sent) * 1000));
  }
  answer({ jobs: latencies.length, seconds: now() - begin, latencies });
}

// Where handlers say when they started.
export class Started {
  times = [];
  waiting = null;

  now() {
    if (this.waiting) {
      this.waiting(now());
      this.waiting = null;
    } else this.times.push(now());
  }

  next() {
    if (this.times.length) return Promise.resolve(this.times.shift());
    return new Promise((resolve) => (this.waiting = resolve));
  }
}

export async function main(steps) {
  await steps[task.step]();
  process.exit(0);
}
