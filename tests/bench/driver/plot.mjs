// Calls per second over the number in flight, as an SVG that fits light and dark pages.
import { payloadName } from './results.mjs';

const WIDTH = 760, PANEL = 300, TOP = 44, LEFT = 78, RIGHT = 120, PLOT_HEIGHT = 200, LABEL_HEIGHT = 15;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;

const style = `
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-size: 14px; font-weight: 600 }
.grid { stroke: #8884; stroke-width: 1 }
polyline { fill: none; stroke: currentColor; stroke-width: 2 }
circle, text.label { fill: currentColor }
polyline.mesh { stroke-width: 3.5 } polyline.floor { stroke-dasharray: 6 4 } polyline.hiredis { stroke-dasharray: 2 3 }
.floor { color: #777 } .hiredis { color: #a0522d } .mesh { color: #0b6bcb } .node { color: #2a8745 }
.nats_flush { color: #b35900 } .nats_batch { color: #a13a9e } .grpc { color: #c0392b }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd }
  .floor { color: #aaa } .hiredis { color: #d9a066 } .mesh { color: #58a6ff } .node { color: #56d364 }
  .nats_flush { color: #f0a050 } .nats_batch { color: #e080dc } .grpc { color: #ff7b72 }
}`;

// Puts the labels next to their lines' ends, in the same order, without overlap.
function spreadLabels(labels, bottom) {
  labels.sort((a, b) => a.y - b.y);
  labels.forEach((label, i) => {
    if (i > 0) label.y = Math.max(label.y, labels[i - 1].y + LABEL_HEIGHT);
  });
  let limit = bottom;
  for (const label of labels.reverse()) {
    label.y = Math.min(label.y, limit);
    limit = label.y - LABEL_HEIGHT;
  }
  return labels;
}

function ticks(low, high) {
  const values = [];
  for (let decade = 10 ** Math.floor(Math.log10(low)); decade <= high; decade *= 10) {
    for (const factor of [1, 2, 5]) values.push(decade * factor);
  }
  return values.filter(value => value >= low && value <= high);
}

function panel(results, payload, top) {
  const loads = results.loads.filter(load => load.payload === payload);
  const counts = loads.map(load => load.inFlight);
  const lines = results.names.map(name =>
    ({ name, rates: loads.map(load => results.figures(name, load).calls_per_s.median) }));
  const rates = lines.flatMap(line => line.rates);
  const [low, high] = [Math.min(...rates) / 1.3, Math.max(...rates) * 1.3];
  const bottom = top + TOP + PLOT_HEIGHT;
  const share = (value, from, to) => from === to ? 0 : Math.log(value / from) / Math.log(to / from);
  const x = count => LEFT + share(count, counts[0], counts.at(-1)) * PLOT_WIDTH;
  const y = rate => bottom - share(rate, low, high) * PLOT_HEIGHT;
  const round = value => value.toFixed(1);

  const parts = [`<text class="title" x="${LEFT}" y="${top + 24}">Calls per second, ${payloadName(payload)} each way</text>`];
  for (const rate of ticks(low, high)) {
    parts.push(`<line class="grid" x1="${LEFT}" x2="${LEFT + PLOT_WIDTH}" y1="${round(y(rate))}" y2="${round(y(rate))}"/>`,
      `<text x="${LEFT - 8}" y="${round(y(rate) + 4)}" text-anchor="end">${rate.toLocaleString('en-US')}</text>`);
  }
  for (const count of counts) {
    parts.push(`<line class="grid" x1="${round(x(count))}" x2="${round(x(count))}" y1="${bottom}" y2="${bottom - PLOT_HEIGHT}"/>`,
      `<text x="${round(x(count))}" y="${bottom + 18}" text-anchor="middle">${count}</text>`);
  }
  parts.push(`<text x="${LEFT + PLOT_WIDTH / 2}" y="${bottom + 38}" text-anchor="middle">calls in flight (log scale)</text>`,
    `<text transform="translate(16 ${bottom - PLOT_HEIGHT / 2}) rotate(-90)" text-anchor="middle">calls/s (log scale)</text>`);
  for (const { name, rates: values } of lines) {
    const points = values.map((rate, i) => [round(x(counts[i])), round(y(rate))]);
    parts.push(`<polyline class="${name}" points="${points.map(point => point.join()).join(' ')}"/>`,
      ...points.map(([cx, cy]) => `<circle class="${name}" cx="${cx}" cy="${cy}" r="3"/>`));
  }
  const labels = lines.map(({ name, rates: values }) => ({ name, y: y(values.at(-1)) + 4 }));
  for (const { name, y: height } of spreadLabels(labels, bottom)) {
    parts.push(`<text class="label ${name}" x="${LEFT + PLOT_WIDTH + 10}" y="${round(height)}">${name}</text>`);
  }
  return parts;
}

export function plot(results) {
  const payloads = [...new Set(results.loads.map(load => load.payload))];
  const height = payloads.length * PANEL;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Calls per second over calls in flight">
<style>${style}
</style>
${payloads.flatMap((payload, i) => panel(results, payload, i * PANEL)).join('\n')}
</svg>
`;
}
