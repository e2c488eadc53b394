// A mesh node as a process: one JSON request per line on stdin, one JSON answer per line on stdout (see README.md).
import { setTimeout as sleep } from 'node:timers/promises';
import { MeshNode } from './mesh_node.mjs';

console.log = console.info = console.debug = console.error;   // stdout carries answers only
process.stdout.on('error', () => process.exit(1));            // the driver is gone

let node = new MeshNode('', { prefix: '' });   // stands in until the first start: not running
let received = [];
let cleanedUp = [];

const handlers = {
  echo: data => data,
  add: ({ a, b }) => ({ sum: a + b }),
  slow: async ({ ms }) => { await sleep(ms); return { sleptMs: ms }; },
  fail: ({ message }) => { throw new Error(message); },
  noReply: () => undefined,
  whoami: () => ({ instanceId: node.instanceId }),
};

const ops = {
  async start({ seq, op, key, ...options }) {
    if (node.instanceId !== 0) return node.start();   // throws
    received = [];
    cleanedUp = [];
    node = new MeshNode(key, options);
    for (const [type, handler] of Object.entries(handlers)) node.registerHandler(type, handler);
    node.registerBroadcastHandler('configUpdated',
      (data, senderInstanceId) => { received.push({ type: 'configUpdated', data, senderInstanceId }); });
    node.setNodeCleanedUpCallback(id => { cleanedUp.push(id); });
    await node.start();
    return { instanceId: node.instanceId };
  },
  async stop() { await node.stop(); },
  async invoke({ id, type, data, timeoutMs }) { return { data: await node.invoke(id, type, data, { timeoutMs }) }; },
  async broadcast({ type, data, skipSelf }) { await node.broadcast(type, data, { skipSelf }); },
  async nodes() { return { nodes: await node.getNodes() }; },
  async isLeader() { return { isLeader: node.isLeader }; },
  async received({ since = 0 }) { return { received: received.slice(since), next: received.length }; },
  async cleanedUp() { return { cleanedUp }; },
};

let barrier = Promise.resolve();   // start and stop finish before later requests begin; all others overlap
let abandon;                       // rejects whatever is unanswered when the process ends
const abandoned = new Promise((_, reject) => { abandon = reject; });
abandoned.catch(() => {});

async function perform(request, previous) {
  await previous;
  if (!Object.hasOwn(ops, request.op)) throw new Error(`unknown op: ${request.op}`);
  return ops[request.op](request);
}

async function answer(line) {
  let seq = null;
  let response;
  try {
    const request = JSON.parse(line);
    if (typeof request !== 'object' || request === null) throw new TypeError('a request is a JSON object');
    seq = request.seq ?? null;
    const result = perform(request, barrier);
    if (request.op === 'start' || request.op === 'stop') barrier = result.catch(() => {});
    response = { seq, ok: true, ...await Promise.race([result, abandoned]) };
  } catch (error) {
    response = { seq, ok: false, error: { name: error.name, message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(response)}\n`);
}

// Not node:readline, which also splits at U+2028 and U+2029: those may stand inside a JSON string.
const answers = [];
let rest = '';
process.stdin.setEncoding('utf8');
for await (const chunk of process.stdin) {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) answers.push(answer(line));
}
if (rest !== '') answers.push(answer(rest));

await barrier;
await node.stop();
abandon(new Error('the peer is exiting'));
await Promise.allSettled(answers);
process.exit(0);
