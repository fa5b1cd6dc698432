/** A serialized Program (turso_wasm/codegen/program.py): metadata, wasm bytes, data. */

const decoder = new TextDecoder();

/**
 * @typedef {{name: string, decltype: string | null, table: string | null, origin: string | null}} ResultColumn
 * @typedef {object} Program
 * @property {string} kind select insert update delete ddl transaction pragma explain
 * @property {Uint8Array<ArrayBuffer>} wasm
 * @property {Uint8Array} data
 * @property {number} frame_size
 * @property {number} n_user_params
 * @property {(string | null)[]} param_names
 * @property {number} n_literals
 * @property {ResultColumn[]} columns
 * @property {boolean} readonly
 * @property {boolean} counts_changes
 * @property {boolean} changes_schema
 * @property {boolean} returns_rows
 * @property {number[]} checks slots whose schema cookie must be the one that the statement is given
 * @property {[number, string][]} changes slots and names of the tables whose rows it changes
 * @property {[number, string][]} reads of one that changes nothing: slots and names of the tables it reads
 * @property {[number, number, number, number][]} table_sizes (slot, root, is keyed, class): those of other classes make it refuse to run
 * @property {boolean} shared equal texts in equal environments may use it
 * @property {[number, any][]} pinned ordinals of literals that must have this value (literals.js `spelled`)
 */

/**
 * @param {Uint8Array} raw
 * @returns {Program}
 */
export function parseProgram(raw) {
  if (decoder.decode(raw.subarray(0, 4)) !== 'TWP1') throw new Error('not a serialized program');
  const size = new DataView(raw.buffer, raw.byteOffset).getUint32(4, true);
  const { sizes, columns, ...head } = JSON.parse(decoder.decode(raw.subarray(8, 8 + size)));
  const [nWasm, nData] = sizes;
  const at = 8 + size;
  if (raw.length !== at + nWasm + nData) throw new Error('serialized program is cut short');
  return {
    ...head,
    columns: columns.map((/** @type {any[]} */ [name, decltype, table, origin]) => ({ name, decltype, table, origin })),
    wasm: raw.slice(at, at + nWasm),
    data: raw.slice(at + nWasm),
  };
}
