// The private servers through which the contestants talk.
import { connect, createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start } from './processes.mjs';

async function freePort() {
  const server = createServer();
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).on('error', reject);
  });
}

async function waitUntilOpen(port, server) {
  const deadline = performance.now() + 10000;
  let reason;
  server.ended.then(text => { reason = text; }, error => { reason = error.message; });
  while (performance.now() < deadline && reason === undefined) {
    try {
      (await open(port)).destroy();
      return;
    } catch {
      await sleep(20);
    }
  }
  throw new Error(reason ?? 'a server did not start in time');
}

async function startServer(command, port, args) {
  const server = start(command, args, ['ignore', 'ignore', 'inherit']);
  await waitUntilOpen(port, server);
  return server;
}

export class RedisServer {
  #folder = mkdtempSync(join(tmpdir(), 'mesh-bench-'));
  #socket;

  static async start() {
    const redis = new RedisServer();
    redis.port = await freePort();
    const { pid } = await startServer('redis-server', redis.port, [
      '--port', redis.port, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no',
      '--client-output-buffer-limit', 'pubsub 0 0 0', '--dir', redis.#folder, '--loglevel', 'warning']);
    redis.pid = pid;
    redis.#socket = await open(redis.port);
    return redis;
  }

  // What it has counted so far: { bytes, commands: { publish: 12, ... } }, without these questions.
  async counters() {
    const stats = await this.#info('stats');
    const commands = {};
    for (const [name, value] of Object.entries(await this.#info('commandstats'))) {
      if (name !== 'cmdstat_info') commands[name.replace('cmdstat_', '')] = Number(/^calls=(\d+)/.exec(value)[1]);
    }
    const bytes = Number(stats.total_net_input_bytes) + Number(stats.total_net_output_bytes);
    return { bytes, commands };
  }

  removeFiles() { rmSync(this.#folder, { recursive: true, force: true }); }

  async #info(section) {
    this.#socket.write(`INFO ${section}\r\n`);
    let text = '';
    do {   // $LENGTH, the text, an empty line
      const [chunk] = await new Promise(resolve => this.#socket.once('data', (...data) => resolve(data)));
      text += chunk;
    } while (text.length < text.indexOf('\r\n') + 4 + Number(/^\$(\d+)/.exec(text)?.[1] ?? Infinity));
    return Object.fromEntries(text.split('\r\n').filter(line => line.includes(':')).map(line => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }));
  }
}

export async function startNats() {
  const port = await freePort();
  const { pid } = await startServer('nats-server', port, ['-a', '127.0.0.1', '-p', port, '-l', '/dev/null']);
  return { port, pid };
}
