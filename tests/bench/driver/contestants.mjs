// Who takes part, and how each is started: returns { name, caller, handler, broker }.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LineProcess } from './processes.mjs';

export const allNames = ['floor', 'hiredis', 'mesh', 'node', 'nats_flush', 'nats_batch', 'grpc'];

export const descriptions = {
  floor: 'Redis pub/sub at its barest: bytes by hand, no JSON, no calls',
  hiredis: 'the same by way of the asynchronous interface of hiredis',
  mesh: 'MeshService for C++',
  node: 'the same protocol in Node.js, with ioredis',
  nats_flush: 'NATS, C client, each message written at once',
  nats_batch: "NATS, C client, messages gathered by its thread",
  grpc: 'gRPC for C++, asynchronous, without a broker',
};

export const usesRedis = name => ['floor', 'hiredis', 'mesh', 'node'].includes(name);
export const usesNats = name => name.startsWith('nats');

function programs(folder, name) {
  const kind = name.replace(/_.*/, '');
  return { caller: join(folder, `bench_${kind}_caller`), handler: join(folder, `bench_${kind}_handler`) };
}

export function isBuilt(folder, name) {
  return name === 'node' || existsSync(programs(folder, name).caller);
}

export async function startContestant(name, folder, { redis, nats }) {
  const { caller, handler } = programs(folder, name);
  const run = (side, command, args) => LineProcess.start(`${name} ${side}`, command, args);
  const pair = async (handlerArgs, callerArgs) => {
    const answering = await run('handler', handler, handlerArgs);
    return { name, handler: answering, caller: await run('caller', caller, callerArgs(answering.details)) };
  };
  if (name === 'node') {
    const script = side => join(folder, 'node', `node_${side}.mjs`);
    const answering = await run('handler', 'node', [script('handler'), redis.port]);
    const calling = await run('caller', 'node', [script('caller'), redis.port, answering.details.id]);
    return { name, handler: answering, caller: calling, broker: redis };
  }
  if (usesNats(name)) {
    const args = ['--nats', `nats://127.0.0.1:${nats.port}`, '--subject', name];
    if (name === 'nats_flush') args.push('--send-at-once');
    return { ...await pair(args, () => args), broker: nats };
  }
  if (name === 'grpc') return pair([], ({ port }) => ['--address', `127.0.0.1:${port}`]);
  const args = ['--redis', redis.port];
  return { ...await pair(args, ({ id }) => id ? [...args, '--target', id] : args), broker: redis };
}
