/**
 * Databases for tests: a template that is set up once and forked for each test, and the databases of an origin, from within (Vitest's
 * browser mode) or through Playwright.
 */

import { withLog } from './log.js';
import { inOrigin } from './origin.js';

/** Where the page is that lends its origin. Nothing is there but what `route` says. */
const PLACE = '__turso_wasm_testing__';

/**
 * A database to be forked.
 * @template {{exec: (sql: string) => unknown, import: (bytes: Uint8Array) => Promise<void>, export: () => any, fork: () => Promise<D>, close: () => Promise<void>}} D
 * @param {(name: string) => Promise<D>} connect of turso-wasm, or of turso-wasm/host
 * @param {string | Uint8Array | ((db: D) => unknown)} source SQL, a database file, or what sets one up
 */
export async function template(connect, source) {
  const db = await connect(':memory:');
  try {
    if (source instanceof Uint8Array) await (source.length && db.import(source));
    else await (typeof source === 'string' ? db.exec(source) : source(db));
    return { bytes: /** @type {Uint8Array} */ (await db.export()), fork: () => db.fork(), close: () => db.close() };
  } catch (error) {
    await db.close();
    throw error;
  }
}

/**
 * The databases in the origin private file system: of the page where this runs, or of the origin of `url`, in the browser context of a
 * page of Playwright's.
 * @param {any} [page]
 * @param {string | URL} [url]
 */
export function opfs(page, url) {
  if (page && !url) throw new TypeError("opfs(page, url) takes the URL of the application's page");
  const run = page
    ? (/** @type {any[]} */ args) => through(page, new URL(url ?? '').origin, args)
    : (/** @type {any[]} */ args) => inOrigin(args);
  return {
    /** Put a database there; it must not be open. @param {string} name @param {Uint8Array} bytes */
    async seed(name, bytes) {
      if (!(bytes instanceof Uint8Array))
        throw new TypeError('seed() takes the bytes of a database file, a Uint8Array');
      await run(['write', name, base64(bytes)]);
    },
    /** The content of a database, as it was committed last; it may be open. @param {string} name @returns {Promise<Uint8Array>} */
    async read(name) {
      const [content, log] = (await run(['read', name])).map(bytesOf);
      return withLog(content, log);
    },
    /** Delete a database, if there is one. @param {string} name */
    async remove(name) {
      await run(['remove', name]);
    },
    /** @returns {Promise<string[]>} */
    list() {
      return run(['list']);
    },
  };
}

/** Run it on an empty page of that origin. @param {any} page @param {string} origin @param {any[]} args */
async function through(page, origin, args) {
  const context = page.context();
  const place = `${origin}/${PLACE}`;
  await context.route(place, (/** @type {any} */ route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
  );
  const lent = await context.newPage();
  try {
    await lent.goto(place);
    return await lent.evaluate(inOrigin, args);
  } finally {
    await lent.close();
    await context.unroute(place);
  }
}

/** @param {Uint8Array} bytes */
function base64(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** @param {string} text in base64 */
function bytesOf(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
