// A node of the mesh in JavaScript that answers node_caller.mjs.
import { MeshNode } from './mesh_node.mjs';

const node = new MeshNode('calls-node', { prefix: 'mesh-bench', redis: { port: Number(process.argv[2]) } });
node.registerHandler('echo', data => data);
await node.start();
console.log(JSON.stringify({ ready: true, id: node.instanceId }));
