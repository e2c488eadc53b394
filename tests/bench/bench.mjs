// Compares calls of MeshService with other ways to make them: see README.md.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { allNames, isBuilt, startContestant, usesNats } from './driver/contestants.mjs';
import { measure } from './driver/measure.mjs';
import { plot } from './driver/plot.mjs';
import { stopAll } from './driver/processes.mjs';
import { report } from './driver/report.mjs';
import { Results } from './driver/results.mjs';
import { RedisServer, startNats } from './driver/servers.mjs';

const KIB = 1024;
const ALL_LOADS = [
  ...[1, 64, 256, 1024].map(inFlight => ({ inFlight, payload: 64 })),
  ...[1, 64, 256, 1024].map(inFlight => ({ inFlight, payload: 4 * KIB })),
  ...[1, 64].map(inFlight => ({ inFlight, payload: 256 * KIB, shorter: 0.5 })),
];

function readArguments() {
  const { values } = parseArgs({ options: {
    programs: { type: 'string' }, rounds: { type: 'string' }, seconds: { type: 'string' },
    quick: { type: 'boolean', default: false }, only: { type: 'string', default: allNames.join() },
    json: { type: 'string' }, svg: { type: 'string' }, 'dry-run': { type: 'boolean' } } });
  const { quick } = values;
  const names = values.only.split(',');
  const unknown = names.find(name => !allNames.includes(name));
  if (unknown !== undefined) throw new Error(`no such contestant: ${unknown}; there are ${allNames.join()}`);
  const positive = (text, fallback) => {
    const value = Number(text ?? fallback);
    if (!(value > 0)) throw new Error(`not a positive number: ${text}`);
    return value;
  };
  return {
    ...values, names,
    rounds: positive(values.rounds, quick ? 2 : 5),
    seconds: positive(values.seconds, quick ? 0.3 : 1),
    loads: quick ? ALL_LOADS.filter(load => load.payload === 64) : ALL_LOADS,
  };
}

function present({ programs, names }) {
  return names.filter(name => {
    if (isBuilt(programs, name)) return true;
    console.log(`skipped: ${name} (its libraries are not there)`);
    return false;
  });
}

async function startAll(names, programs, servers) {
  const contestants = [];
  for (const name of names) contestants.push(await startContestant(name, programs, servers));
  return contestants;
}

// Every round measures every contestant under every load, each time beginning with another one.
async function runRounds(contestants, results, { rounds, seconds, loads }) {
  for (let round = 0; round < rounds; ++round) {
    console.log(`round ${round + 1} of ${rounds}`);
    const start = round % contestants.length;
    const order = [...contestants.slice(start), ...contestants.slice(0, start)];
    for (const load of loads) {
      for (const contestant of order) {
        results.add(contestant.name, load, await measure(contestant, load, seconds * (load.shorter ?? 1)));
      }
    }
  }
}

async function main() {
  const options = readArguments();
  if (options['dry-run']) return;
  const names = present(options);
  const redis = await RedisServer.start();
  try {
    const nats = names.some(usesNats) ? await startNats() : undefined;
    const contestants = await startAll(names, options.programs, { redis, nats });
    const results = new Results(names, options.loads);
    await runRounds(contestants, results, options);
    console.log(report(results));
    if (options.json) writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
    if (options.svg) writeFileSync(options.svg, plot(results));
  } finally {
    await stopAll();
    redis.removeFiles();
  }
}

// Without the children the measurement fails, and main() tidies up.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, stopAll);

try {
  await main();
  process.exit(0);
} catch (error) {
  console.error(`bench: ${error.message}`);
  process.exit(1);
}
