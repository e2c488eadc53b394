// The results as text: tables for people, then lines of name=value for programs.
import { descriptions } from './contestants.mjs';
import { payloadName } from './results.mjs';

const number = (value, digits = 0) =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const columns = [
  ['in flight', (_, load) => number(load.inFlight)],
  ['contestant', (_, load, name) => name],
  ['calls/s', f => number(f.calls_per_s.median)],
  ['min - max', f => `${number(f.calls_per_s.min)} - ${number(f.calls_per_s.max)}`],
  ['p50 us', f => number(f.p50_us.median, 1)],
  ['p99 us', f => number(f.p99_us.median, 1)],
  ['p99.9 us', f => number(f.p99_9_us.median, 1)],
  ['CPU caller', f => number(f.caller_cpu.median, 2)],
  ['handler', f => number(f.handler_cpu.median, 2)],
  ['broker', f => number(f.broker_cpu.median, 2)],
  ['sum', f => number(f.total_cpu.median, 2)],
  ['bytes/call', f => f.bytes_per_call ? number(f.bytes_per_call.median) : '-'],
];

function formatTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map(row => row[column].length)));
  return rows.map(row => row.map((cell, column) =>
    column === 1 ? cell.padEnd(widths[column]) : cell.padStart(widths[column])).join('  ').trimEnd());
}

function table(results, payload) {
  const rows = [columns.map(([title]) => title)];
  for (const load of results.loads.filter(candidate => candidate.payload === payload)) {
    for (const name of results.names) {
      const figures = results.figures(name, load);
      rows.push(columns.map(([, cell]) => cell(figures, load, name)));
    }
  }
  return formatTable(rows);
}

function spreadLines(name, { median, min, max }) {
  const text = value => Number(value.toPrecision(6)).toString();
  return [`${name}=${text(median)}`, `${name}.min=${text(min)}`, `${name}.max=${text(max)}`];
}

function commandLines(results) {
  const lines = [];
  for (const name of results.names) {
    const { publish, ...others } = results.commands(name);
    if (publish === undefined) continue;
    const sum = Object.values(others).reduce((total, count) => total + count, 0);
    lines.push(`commands_per_call.${name}.publish=${publish.toFixed(3)}`);
    lines.push(`commands_per_call.${name}.other=${sum.toFixed(6)}`);
    for (const [command, count] of Object.entries(others)) {
      lines.push(`commands_per_call.${name}.other.${command}=${count.toFixed(6)}`);
    }
  }
  return lines;
}

function valueLines(results) {
  const lines = [];
  for (const load of results.loads) {
    for (const name of results.names) {
      const prefix = `${name}.${payloadName(load.payload)}.${load.inFlight}`;
      for (const [figure, values] of Object.entries(results.figures(name, load))) {
        lines.push(...spreadLines(`${prefix}.${figure}`, values));
      }
    }
  }
  for (const [name, values] of results.ratios()) lines.push(...spreadLines(name, values));
  return [...lines, ...commandLines(results)];
}

export function report(results) {
  const lines = [];
  for (const payload of new Set(results.loads.map(load => load.payload))) {
    lines.push('', `Payload of ${payloadName(payload)} each way; medians over the rounds; CPU in seconds per 100,000 calls`);
    lines.push(...table(results, payload));
  }
  lines.push('', ...results.names.map(name => `${name.padEnd(10)}  ${descriptions[name]}`), '');
  return [...lines, ...valueLines(results)].join('\n');
}
