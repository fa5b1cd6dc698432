/** What run.py may ask of an engine's process or worker. The answer is a plain object; a failure is {error}. */

import { Bench } from './bench.js';
import { heldBytes, watchMemories } from './memory.js';
import { measurePrepare } from './prepare.js';

watchMemories();

export class Requests {
  /** @param {string} engine @param {any} where */
  constructor(engine, where) {
    this.engine = engine;
    this.where = where;
    /** @type {Bench | null} */ this.bench = null;
  }

  /** @param {any} request */
  async answer(request) {
    try {
      return await this.#answer(request);
    } catch (error) {
      return { error: `${error?.name}: ${error?.message}`, stack: String(error?.stack) };
    }
  }

  async #answer(request) {
    switch (request.do) {
      case 'open': {
        this.bench = await Bench.open(this.engine, await this.where(request.file));
        return { version: this.bench.first() };
      }
      case 'fill':
        this.bench.fill(request.content);
        return {};
      case 'run':
        return this.bench.run(request.trial, request.counting);
      case 'memory':
        return { bytes: heldBytes() };
      case 'prepare':
        return measurePrepare(this.bench.driver, await this.where(null));
      default:
        throw new Error(`unknown request: ${request.do}`);
    }
  }
}
