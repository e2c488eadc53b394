// Checks that the parts of src/ include only what the table in docs/design.md says, and all of that;
// and that those below the services know nothing of the services' headers.
//
//   node check_layers.mjs        run in the project's folder

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const services = /mesh\/(core|mesh|mesh_service|leader_service|detail\/core_handle|detail\/call)\.hpp/;
const users_of_services = ['core', 'leader', 'meshctl'];

const table = new Map();
for (const line of readFileSync('docs/design.md', 'utf8').split('\n')) {
  const row = line.match(/^\| `(\w+)` \| (.*) \|$/);
  if (row) table.set(row[1], new Set([...row[2].matchAll(/`(\w+)`/g)].map(found => found[1])));
}

const parts = readdirSync('src', { withFileTypes: true }).filter(entry => entry.isDirectory());
let failures = 0;
const complain = text => {
  console.log(text);
  ++failures;
};

for (const { name } of parts) {
  const allowed = table.get(name);
  if (!allowed) {
    complain(`docs/design.md has no row for src/${name}`);
    continue;
  }
  const used = new Set();
  for (const file of readdirSync(join('src', name)).filter(file => /\.[ch]pp$/.test(file))) {
    const text = readFileSync(join('src', name, file), 'utf8');
    for (const [, path] of text.matchAll(/^#include <([^>]+)>/gm)) {
      const part = path.split('/')[0];
      if (services.test(path) && !users_of_services.includes(name)) {
        complain(`src/${name}/${file} includes ${path}, a header of a service`);
      }
      if (part === name || !parts.some(other => other.name === part)) continue;
      used.add(part);
      if (!allowed.has(part)) complain(`src/${name}/${file} includes ${path} of a layer above`);
    }
  }
  for (const part of allowed) {
    if (!used.has(part)) complain(`docs/design.md says that ${name} uses ${part}, which it does not`);
  }
}
console.log(`${parts.length} parts, ${failures} wrong`);
process.exit(failures === 0 && parts.length > 0 ? 0 : 1);
