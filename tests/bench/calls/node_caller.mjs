// A node of the mesh in JavaScript that measures calls to node_handler.mjs.
import { createInterface } from 'node:readline';
import { MeshNode } from './mesh_node.mjs';

const [port, target] = process.argv.slice(2).map(Number);
const node = new MeshNode('calls-node', { prefix: 'mesh-bench', redis: { port } });

const DIGITS = 16;   // of the call's number, with which each payload begins
let next = 0;

async function callRepeatedly(size, closesAt, latencies) {
  const fill = 'x'.repeat(size - DIGITS);
  let begun = performance.now();
  do {
    const text = (next++).toString(16).padStart(DIGITS, '0') + fill;
    const answer = await node.invoke(target, 'echo', { text });
    if (answer.text !== text) throw new Error('an answer is not the echo of its call');
    const now = performance.now();
    latencies.push(now - begun);
    begun = now;
  } while (begun < closesAt);
  return begun;
}

async function measure({ in_flight, payload, seconds }) {
  const latencies = [];
  const cpuBegun = process.cpuUsage();
  const begun = performance.now();
  const callers = Array.from({ length: in_flight },
    () => callRepeatedly(payload, begun + seconds * 1000, latencies));
  const ended = Math.max(...await Promise.all(callers));
  const { user, system } = process.cpuUsage(cpuBegun);
  latencies.sort((a, b) => a - b);
  const percentile = percent =>
    latencies[Math.max(Math.ceil(latencies.length * percent / 100), 1) - 1] * 1000;
  return {
    calls: latencies.length, seconds: (ended - begun) / 1000, cpu_seconds: (user + system) / 1e6,
    p50_us: percentile(50), p99_us: percentile(99), p99_9_us: percentile(99.9),
  };
}

await node.start();
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await measure(JSON.parse(line))));
}
process.exit(0);
