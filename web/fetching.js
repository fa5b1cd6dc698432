/** Files by their URL; in Node "file:" too, which neither `fetch` nor Pyodide knows there. */

import { builtin } from '../vfs/node.js';

/** @param {string} url */
const isFile = (url) => url.startsWith('file:');

/** The path of a file, what else is a URL itself. @param {string} url */
export function pathOf(url) {
  return isFile(url) ? builtin('node:url').fileURLToPath(url) : url;
}

/** @param {string} url @returns {Promise<ArrayBuffer>} @throws {Error} when it cannot be had, or not all of it */
export function fetchBytes(url) {
  return fetched(url, (response) => response.arrayBuffer());
}

/**
 * @template [T=Response]
 * @param {string} url
 * @param {(response: Response) => Promise<T> | T} [take] what is wanted of the response
 * @returns {Promise<T>}
 * @throws {Error} when it cannot be had
 */
export async function fetched(url, take = (response) => /** @type {any} */ (response)) {
  try {
    const response = await fetchAny(url);
    if (response.ok) return await take(response);
    throw new Error(`HTTP status ${response.status}`);
  } catch (cause) {
    throw new Error(`${url} could not be fetched: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** `fetch`, of files too. @param {string} url @returns {Promise<Response>} */
async function fetchAny(url) {
  return isFile(url) ? new Response(await builtin('node:fs/promises').readFile(new URL(url))) : fetch(url);
}
