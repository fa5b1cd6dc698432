#!/usr/bin/env node
/**
 * The command `turso-wasm` of the npm package: the shell of docs/shell.md, and the playground, on Node alone (docs/decisions/0081).
 *
 * The shell is Python, in Pyodide, in a thread of its own (shell.js). This one has the terminal: it reads lines, and hears Ctrl-C while
 * a statement runs.
 */

import { Worker } from 'node:worker_threads';
import { PLAYGROUND_OPTIONS, servePlayground } from './playground.js';
import { Terminal } from './terminal.js';

const SIGINT = 2;
const [first, ...rest] = process.argv.slice(2);

if (PLAYGROUND_OPTIONS.has(first)) await servePlayground(rest);
else runShell(process.argv.slice(2));

/** @param {string[]} args */
function runShell(args) {
  const interrupts = new Uint8Array(new SharedArrayBuffer(1));
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./command_shell.js', import.meta.url), {
    workerData: { args, interrupts, answers, columns: process.stdout.columns },
    env: process.env,
  });
  const terminal = new Terminal((answer) => {
    worker.postMessage(answer);
    Atomics.add(answers, 0, 1);
    Atomics.notify(answers, 0);
  });
  process.on('SIGINT', () => {
    interrupts[0] = SIGINT;
  });
  worker.on('message', ({ prompt, candidates, exit }) => {
    if (prompt !== undefined) terminal.ask(prompt);
    else if (candidates !== undefined) terminal.completed(candidates);
    else process.exit(exit);
  });
  worker.on('error', (error) => {
    console.error(`turso-wasm: ${error.message}`);
    process.exit(1);
  });
}
