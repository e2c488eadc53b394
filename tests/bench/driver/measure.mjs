// One measurement of one contestant under one load.
import { cpuSeconds } from './cpu_time.mjs';

const PATIENCE_SECONDS = 30;

async function counters({ handler, broker }) {
  return {
    handler: cpuSeconds(handler.pid),
    broker: broker ? cpuSeconds(broker.pid) : 0,
    redis: await broker?.counters?.(),
  };
}

function commandsPerCall(before, after, calls) {
  const result = {};
  for (const [name, count] of Object.entries(after.commands)) {
    const difference = count - (before.commands[name] ?? 0);
    if (difference > 0) result[name] = difference / calls;
  }
  return result;
}

export async function measure(contestant, { inFlight, payload }, seconds) {
  const ask = time => contestant.caller.ask({ in_flight: inFlight, payload, seconds: time },
    time + PATIENCE_SECONDS);
  await ask(Math.max(0.1, seconds / 5));   // warm-up
  const before = await counters(contestant);
  const result = await ask(seconds);
  const after = await counters(contestant);

  const per100k = value => value / result.calls * 1e5;
  const figures = {
    calls_per_s: result.calls / result.seconds,
    p50_us: result.p50_us, p99_us: result.p99_us, p99_9_us: result.p99_9_us,
    caller_cpu: per100k(result.cpu_seconds),
    handler_cpu: per100k(after.handler - before.handler),
    broker_cpu: per100k(after.broker - before.broker),
  };
  figures.total_cpu = figures.caller_cpu + figures.handler_cpu + figures.broker_cpu;
  if (!before.redis) return { calls: result.calls, figures };
  figures.bytes_per_call = (after.redis.bytes - before.redis.bytes) / result.calls;
  return { calls: result.calls, figures, commands: commandsPerCall(before.redis, after.redis, result.calls) };
}
