// The figures of all rounds, by contestant and load, and what follows from them.
import { spread } from './statistics.mjs';

export const payloadName = bytes => bytes < 1024 ? `${bytes}B` : `${bytes / 1024}KiB`;
const keyOf = (name, load) => `${name}.${payloadName(load.payload)}.${load.inFlight}`;

export class Results {
  #rounds = new Map();   // key -> one measurement per round

  constructor(names, loads) {
    this.names = names;
    this.loads = loads;
  }

  add(name, load, measurement) {
    const key = keyOf(name, load);
    if (!this.#rounds.has(key)) this.#rounds.set(key, []);
    this.#rounds.get(key).push(measurement);
  }

  rounds(name, load) { return this.#rounds.get(keyOf(name, load)) ?? []; }

  values(name, load, figure) { return this.rounds(name, load).map(round => round.figures[figure]); }

  figures(name, load) {
    const [first] = this.rounds(name, load);
    return Object.fromEntries(Object.keys(first.figures)
      .map(figure => [figure, spread(this.values(name, load, figure))]));
  }

  // Commands of Redis per call, over all loads and rounds.
  commands(name) {
    const counts = {};
    let calls = 0;
    for (const round of this.loads.flatMap(load => this.rounds(name, load))) {
      calls += round.calls;
      for (const [command, perCall] of Object.entries(round.commands ?? {})) {
        counts[command] = (counts[command] ?? 0) + perCall * round.calls;
      }
    }
    return Object.fromEntries(Object.entries(counts).map(([command, count]) => [command, count / calls]));
  }

  // Of mesh to the best of the others, within each round: [[name, { median, min, max }], ...].
  ratios() {
    const rivals = { floor: ['floor'], hiredis: ['hiredis'], node: ['node'], nats: ['nats_flush', 'nats_batch'], grpc: ['grpc'] };
    const result = [];
    if (!this.names.includes('mesh')) return result;
    for (const [rival, modes] of Object.entries(rivals)) {
      const present = modes.filter(mode => this.names.includes(mode));
      if (!present.length) continue;
      for (const load of this.loads) {
        const name = `ratio.mesh_to_${rival}.${payloadName(load.payload)}.${load.inFlight}`;
        result.push([name, spread(this.#ratio(load, present, 'calls_per_s', Math.max))]);
        result.push([`${name}.cpu`, spread(this.#ratio(load, present, 'total_cpu', Math.min))]);
        if (load.inFlight === 1) result.push([`${name}.p50`, spread(this.#ratio(load, present, 'p50_us', Math.min))]);
      }
    }
    return result;
  }

  #ratio(load, rivals, figure, best) {
    return this.values('mesh', load, figure)
      .map((value, round) => value / best(...rivals.map(rival => this.values(rival, load, figure)[round])));
  }

  toJSON() { return Object.fromEntries(this.#rounds); }
}
