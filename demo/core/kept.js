/** What the playground keeps in the browser: small settings in localStorage, everything of any size in IndexedDB. */

import { createStore, del, get, set } from 'idb-keyval';
import { report } from './notices.js';
import { t } from './texts.js';

const PREFIX = 'turso-wasm playground ';
const store = createStore('turso-wasm playground', 'kept');

/** A setting, null when it was never set, or when the browser keeps nothing. @param {string} key @returns {string | null} */
export function setting(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value null: forget it */
export function setSetting(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch (error) {
    report(t('notice.not-kept', { why: String(error) }));
  }
}

/** A value of an earlier visit. @template T @param {string} key @param {T} otherwise @returns {Promise<T>} */
export async function recall(key, otherwise) {
  try {
    const late = setting(`late ${key}`);
    if (late !== null) {
      await set(key, JSON.parse(late), store);
      setSetting(`late ${key}`, null);
    }
    return (await get(key, store)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Keep a value; who cannot be kept is said to the user. @param {string} key @param {unknown} value */
export async function keep(key, value) {
  try {
    await set(key, value, store);
    // what another tab has left for the next visit when it was closed is older
    setSetting(`late ${key}`, null);
  } catch (error) {
    report(t('notice.not-kept', { why: String(error) }));
  }
}

/** @param {string} key */
export async function forget(key) {
  await del(key, store).catch(() => {});
}

/**
 * Keep what `read` gives, shortly after the last of several changes.
 * @param {number} [milliseconds] @returns {(key: string, read: () => unknown) => void}
 */
export function keeper(milliseconds = 250) {
  /** @type {Map<string, {timer: number, read: () => unknown}>} */
  const waiting = new Map();
  // a page that goes away does not wait for IndexedDB: what was not kept yet is handed to the next visit
  addEventListener('pagehide', () => {
    for (const [key, { read }] of waiting) {
      keep(key, read()); // which most browsers end all the same, and which takes more
      setSetting(`late ${key}`, JSON.stringify(read()));
    }
  });
  return (key, read) => {
    clearTimeout(waiting.get(key)?.timer);
    const save = () => {
      waiting.delete(key);
      keep(key, read());
    };
    waiting.set(key, { timer: /** @type {any} */ (setTimeout(save, milliseconds)), read });
  };
}
