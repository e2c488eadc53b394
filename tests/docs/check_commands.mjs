// Fails if a document or the head of a script names a command, or an option of one, that does not
// exist: node check_commands.mjs BUILD_DIR
//
// Commands are what an example in a document says, or `bash ...` in its text, and what the comment
// at the head of a script says; there a line that begins with an option is one more. Nothing is
// done: scripts that find a build directory in DRY_RUN, and programs with --dry-run, only check
// their arguments.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const build = resolve(process.argv[2]);
process.chdir(join(dirname(fileURLToPath(import.meta.url)), '../..'));

function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (['build', '.git', 'node_modules'].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const files = filesBelow('.');
const recipes = files.filter(file => basename(file) === 'CMakeLists.txt')
  .map(file => readFileSync(file, 'utf8')).join('\n');
const presets = JSON.parse(readFileSync('CMakePresets.json', 'utf8')).configurePresets;

// What may stand for a placeholder such as N, DIR or a|b; the text beside it may give an example.
function values(placeholder, text) {
  if (placeholder === undefined) return [[]];
  if (placeholder.includes('|')) return placeholder.split('|').map(value => [value]);
  if (placeholder.startsWith('NAME')) return [[/(?:such as|these of) (\w+)/.exec(text)?.[1] ?? 'NAME']];
  if (/^[A-Z_.,]+$/.test(placeholder)) return [[/DIR|FILE/.test(placeholder) ? build : '1']];
  return [[placeholder]];
}

// Of "run.sh [--a N | --b X|Y] [target...]": the bare command, and one more with each option.
function variants(words, text = '') {
  const [, bare, optional] = /^([^[]*)(.*)$/.exec(words);
  const groups = [...optional.matchAll(/\[([^\]]*)\]/g)].flatMap(match => match[1].split(' | '));
  const options = groups.filter(group => group.startsWith('--')).flatMap(group => {
    const [option, placeholder] = group.split(' ');
    return values(placeholder, text).map(value => [option, ...value]);
  });
  const base = bare.trim().split(/ +/).flatMap(word => values(word, text)[0]);
  return [base, ...options.map(option => [...base, ...option])];
}

function* commandsOfDocument(text) {
  let inExample = false;
  for (const line of text.split('\n')) {
    if (line.trimStart().startsWith('```')) inExample = !inExample;
    else if (inExample) yield* variants(line.replace(/ +# .*/, '').trim());
    else for (const match of line.matchAll(/`(bash [^`]+)`/g)) yield* variants(match[1]);
  }
}

function* commandsOfScript(file, text) {
  for (const line of text.split('\n')) {
    if (!line.startsWith('#')) break;
    const command = /^# {2,}(bash .*?)(?: {2,}.*)?$/.exec(line);
    const option = /^# {2,}(--[a-z-]+)(?: (\S+))?(?: \S+)* {2,}(.*)$/.exec(line);
    if (command) yield* variants(command[1]);
    if (option) for (const value of values(option[2], option[3])) yield ['bash', file, option[1], ...value];
  }
}

function run(program, ...words) {
  const result = spawnSync(program, words, { encoding: 'utf8', env: { ...process.env, DRY_RUN: build } });
  if (result.error) return String(result.error);
  return result.status === 0 ? checkTests(result.stdout) : `${result.stdout}${result.stderr}`;
}

// Tests that are not built yet have no labels.
function checkTests(output) {
  if (!/^Total Tests: 0$/m.test(output)) return '';
  const all = spawnSync('ctest', ['--test-dir', build, '-N'], { encoding: 'utf8' }).stdout;
  return all.includes('_NOT_BUILT') ? '' : 'no such tests';
}

function checkCmake(words) {
  const valueOf = option => words[words.indexOf(option) + 1];
  if (words.includes('--preset') && !presets.some(({ name }) => name === valueOf('--preset'))) return 'no such preset';
  if (words.includes('--target') && !recipes.includes(valueOf('--target'))) return 'no such target';
  const unknown = words.map(word => /^-D(MESHSERVICE_\w+)/.exec(word)?.[1])
    .find(name => name !== undefined && !recipes.includes(`${name} "`));
  return unknown === undefined ? '' : `no such option: ${unknown}`;
}

function checkProgram([path, ...words]) {
  const program = path.replace(/^build\/\w+/, build);
  if (!existsSync(program)) return recipes.includes(basename(path)) ? '' : 'no such program';
  const help = spawnSync(program, ['--help'], { encoding: 'utf8' }).stdout;
  return help.includes('--dry-run') ? run(program, ...words, '--dry-run') : '';
}

// What is wrong with it; empty if nothing, and undefined for what is none of this project's.
function check(words) {
  const [program, ...rest] = words;
  if (program === 'bash') return run('bash', ...rest);
  if (program === 'cmake') return checkCmake(words);
  if (program === 'ctest') return run('ctest', '-N', ...rest.map((word, i) => rest[i - 1] === '--test-dir' ? build : word));
  if (program.startsWith('build/')) return checkProgram(words);
  return undefined;
}

const seen = new Set();
let failures = 0;
for (const file of files) {
  const text = () => readFileSync(file, 'utf8');
  const isScript = file.endsWith('.sh') || file === '.ci/run';
  const commands = isScript ? commandsOfScript(file, text()) : file.endsWith('.md') ? commandsOfDocument(text()) : [];
  for (const words of commands) {
    const line = words.join(' ');
    if (seen.has(line)) continue;
    const problem = check(words);
    if (problem === undefined) continue;
    seen.add(line);
    if (problem === '') continue;
    ++failures;
    console.log(`${file}: ${line}\n  ${problem.trim().replaceAll('\n', '\n  ')}`);
  }
}
console.log(`${seen.size} commands, ${failures} wrong`);
process.exit(failures === 0 && seen.size > 0 ? 0 : 1);
