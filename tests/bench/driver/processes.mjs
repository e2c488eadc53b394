// Child processes that end with this one, and those that speak in lines of JSON.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const children = new Set();

// setpriv replaces itself by the program, which so has the pid that is returned here.
export function start(command, args, stdio = ['pipe', 'pipe', 'inherit']) {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio });
  children.add(child);
  child.stdin?.on('error', () => {});   // it has ended, which is noticed elsewhere
  child.ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      children.delete(child);
      resolve(`${command} ended with ${signal ?? `status ${code}`}`);
    });
  });
  child.ended.catch(() => {});
  return child;
}

export async function stopAll() {
  const ended = [...children].reverse().map(child => {
    child.kill('SIGTERM');
    return child.ended;
  });
  await Promise.allSettled(ended);
}

// A program that says when it is ready, and then answers each line with one.
export class LineProcess {
  #child; #name; #lines;

  constructor(name, command, args) {
    this.#name = name;
    this.#child = start(command, args);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  get pid() { return this.#child.pid; }

  static async start(name, command, args) {
    const process = new LineProcess(name, command, args);
    process.details = await process.#next(30);
    return process;
  }

  async ask(request, patienceSeconds) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#next(patienceSeconds);
  }

  async #next(patienceSeconds) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name}: no answer; was a message lost?`)),
        patienceSeconds * 1000);
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done) throw new Error(`${this.#name}: ${await this.#child.ended}`);
      return JSON.parse(value);
    } finally {
      clearTimeout(timer);
    }
  }
}
