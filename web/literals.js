/** Literals lifted out of SQL text, as statements are given them: what turso_wasm/runtime/parameters.py `encode_block` writes. */

import { BLOB, INTEGER, NULL, REAL, TEXT } from '../base/abi.js';
import { VALUE_SIZE } from './parameters.js';

const encoder = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));

/**
 * @typedef {import('./lexer.js').Scalar} Scalar
 * @typedef {import('./lexer.js').Literal} Literal
 * @typedef {object} LiteralBlock
 * @property {Uint8Array} bytes `Value`s, then texts and blobs; addresses count from the start
 * @property {[number, number, number][]} lists index, rows and width of each literal that is a list of rows
 */

/** @param {Literal[]} literals @returns {LiteralBlock} */
export function encodeLiterals(literals) {
  const block = new Block();
  const values = block.values(literals.map((literal) => (Array.isArray(literal) ? null : literal)));
  /** @type {[number, number, number][]} */
  const lists = [];
  literals.forEach((literal, i) => {
    if (!Array.isArray(literal)) return;
    const start = block.values(literal.flat());
    block.put(values + i * VALUE_SIZE, BLOB, start, literal.length);
    lists.push([i, literal.length, literal[0].length]);
  });
  return { bytes: block.bytes.slice(0, block.end), lists };
}

class Block {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  end = 0;

  /** @param {number} size */
  #grow(size) {
    if (this.end + size <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.bytes.length, this.end + size));
    bytes.set(this.bytes.subarray(0, this.end));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** Values, and behind them what they refer to; the address of the first. @param {Scalar[]} values */
  values(values) {
    this.#grow(values.length * VALUE_SIZE + 8);
    this.end = (this.end + 7) & ~7;
    const start = this.end;
    this.end += values.length * VALUE_SIZE;
    values.forEach((value, i) => {
      this.#value(start + i * VALUE_SIZE, value);
    });
    return start;
  }

  /** @param {number} at @param {Scalar} value */
  #value(at, value) {
    if (typeof value === 'string') {
      this.#grow(value.length * 3);
      const { written } = encoder.encodeInto(value, this.bytes.subarray(this.end));
      this.put(at, TEXT, this.end, written);
      this.end += written;
    } else if (value instanceof Uint8Array) {
      this.#grow(value.length);
      this.bytes.set(value, this.end);
      this.put(at, BLOB, this.end, value.length);
      this.end += value.length;
    } else if (value === null) {
      this.put(at, NULL, 0, 0);
    } else if (typeof value === 'bigint') {
      this.view.setBigInt64(at + 8, value, true);
      this.view.setInt32(at, INTEGER, true);
    } else {
      this.view.setFloat64(at + 8, value, true);
      this.view.setInt32(at, REAL, true);
    }
  }

  /** @param {number} at @param {number} tag @param {number} low @param {number} high */
  put(at, tag, low, high) {
    this.view.setInt32(at, tag, true);
    this.view.setUint32(at + 8, low, true);
    this.view.setUint32(at + 12, high, true);
  }
}

/** A literal as JSON that keeps its type (turso_wasm/codegen/program.py), to compare it with a pinned one. @param {Literal} literal */
export function spelled(literal) {
  if (Array.isArray(literal)) return literal.map((row) => row.map(spelledScalar));
  return spelledScalar(literal);
}

/** @param {Scalar} value */
function spelledScalar(value) {
  if (value === null) return 'n';
  if (typeof value === 'string') return `t${value}`;
  if (typeof value === 'bigint') return `i${value}`;
  if (value instanceof Uint8Array) return `b${[...value].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  scratch.setFloat64(0, value);
  return `r${scratch.getBigUint64(0).toString(16).padStart(16, '0')}`;
}
