// Checks that each suite of tests/integration runs on a Redis Cluster too, or is named in the README
// there, in a table that says why not; and that neither names what there is not.
//
//   node check_suites.mjs        run in the project's folder

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = 'tests/integration';
const tests = new Set();
for (const file of readdirSync(folder).filter(file => file.endsWith('_test.cpp'))) {
  const text = readFileSync(join(folder, file), 'utf8');
  for (const [, suite, test] of text.matchAll(/^TEST(?:_[FP])?\((\w+),\s+(\w+)\)/gm)) {
    tests.add(suite).add(`${suite}.${test}`);
  }
}

const namesIn = (text, pattern) => [...text.matchAll(pattern)].map(found => found[1]);
const cmake = readFileSync('tests/CMakeLists.txt', 'utf8');
const listed = name => namesIn(cmake.match(new RegExp(`set\\(${name}\\s([^)]*)\\)`))[1], /([\w.]+)/g);
const suitesOnCluster = listed('suites_on_cluster');
const testsLeftOut = listed('not_on_cluster');
const rows = namesIn(readFileSync(join(folder, 'README.md'), 'utf8'), /^\| (`[^|]*) \|/gm);
const explained = rows.flatMap(row => namesIn(row, /`([\w.]+)`/g));

let failures = 0;
const complain = text => {
  console.log(text);
  ++failures;
};
for (const name of [...suitesOnCluster, ...testsLeftOut, ...explained]) {
  if (!tests.has(name)) complain(`there is no ${name}`);
}
for (const name of tests) {
  const isLeftOut = name.includes('.') ? testsLeftOut.includes(name) : !suitesOnCluster.includes(name);
  const isExplained = explained.includes(name);
  if (isLeftOut && !isExplained) complain(`the README does not say why ${name} is left out`);
  if (!isLeftOut && isExplained) complain(`the README says that ${name} is left out, but it runs`);
}
console.log(`${tests.size} suites and tests, ${failures} wrong`);
process.exit(failures === 0 && tests.size > 0 ? 0 : 1);
