/** What Node has: its modules, which bundlers for browsers do not see, and sleep. */

/** What it says of itself; undefined elsewhere. @type {any} */
export const node = /** @type {any} */ (globalThis).process;

/** Whether this is Node, or what behaves like it. */
export const isNode = Boolean(node?.versions?.node && node.getBuiltinModule);

/** @param {string} name @returns {any} */
export function builtin(name) {
  return node.getBuiltinModule(name);
}

/** Sleep, in place; 1. @param {number} milliseconds */
export function sleepNow(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  return 1;
}
