/** The terminal of the shell: lines by node:readline, with history and completion. */

import { appendFileSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const HISTORY_SIZE = 1000;
const INTERRUPTED = '\x03'; // turso_wasm/shell/terminal/readline.py

export class Terminal {
  #answer;
  /** @type {import('node:readline').Interface | null} */ #reader = null;
  #asks = false;
  /** Lines that were pasted behind the one that was asked for. @type {string[]} */ #waiting = [];
  #history = new History();
  /** @type {((error: null, found: [string[], string]) => void) | null} */ #completing = null;

  /** @param {(answer: {line?: string | null, complete?: string}) => void} answer takes a line (null: there are no more), or a text to complete */
  constructor(answer) {
    this.#answer = answer;
  }

  /** Read a line. @param {string} prompt */
  ask(prompt) {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      process.stdout.write(`${prompt}${next}\n`);
      this.#answer({ line: next });
      return;
    }
    this.#asks = true;
    this.#reader ??= this.#open();
    process.stdin.setRawMode?.(true);
    this.#reader.setPrompt(prompt);
    this.#reader.prompt();
  }

  #open() {
    const { stdin: input, stdout: output } = process;
    const reader = createInterface({
      input,
      output,
      history: this.#history.lines,
      historySize: HISTORY_SIZE,
      completer: (/** @type {string} */ text, /** @type {any} */ done) => this.#complete(text, done),
    });
    reader.on('line', (line) => {
      if (line.trim()) this.#history.add(line);
      if (this.#asks) this.#give(line);
      else this.#waiting.push(line);
    });
    reader.on('SIGINT', () => {
      reader.write(null, { ctrl: true, name: 'e' });
      reader.write(null, { ctrl: true, name: 'u' });
      this.#give(INTERRUPTED);
    });
    reader.on('close', () => {
      output.write('\n');
      this.#give(null);
    });
    return reader;
  }

  /** While it is run, the terminal makes a signal of Ctrl-C. @param {string | null} line */
  #give(line) {
    this.#asks = false;
    if (line !== null) this.#reader?.pause();
    process.stdin.setRawMode?.(false);
    this.#answer({ line });
  }

  /** @param {string} text @param {(error: null, found: [string[], string]) => void} done */
  #complete(text, done) {
    if (!text.trim()) {
      done(null, [['    '], '']);
      return;
    }
    this.#completing = done;
    this.#answer({ complete: text });
  }

  /** What the text that was asked about can become. @param {string} candidates the word it ends with, then a line each */
  completed(candidates) {
    const [word, ...found] = candidates.split('\n');
    this.#completing?.(null, [found, word]);
    this.#completing = null;
  }
}

/** The lines of earlier sessions, in the file and the format of the shell of Python's. */
class History {
  #path = process.env.TURSO_WASM_HISTORY || join(homedir(), '.turso_wasm_history');
  #last = '';

  /** The newest first. @returns {string[]} */
  get lines() {
    try {
      const text = readFileSync(this.#path, 'utf8');
      return Array.from(text.matchAll(/^\+(.*)$/gm), (match) => match[1]).reverse();
    } catch {
      return []; // there is none yet
    }
  }

  /** @param {string} line */
  add(line) {
    if (line === this.#last) return;
    this.#last = line;
    try {
      appendFileSync(this.#path, `\n# ${new Date().toISOString()}\n+${line}\n`, { mode: 0o600 });
    } catch {
      // it is remembered until the end
    }
  }
}
