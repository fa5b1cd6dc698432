/** What is said to the user in passing: one line, which screen readers hear too. */

import { signal } from '@preact/signals';

/** @typedef {{text: string, kind: 'info' | 'bad', action?: {label: string, run: () => void}} | null} Notice */
/** @type {import('@preact/signals').Signal<Notice>} */
export const notice = signal(/** @type {Notice} */ (null));

/** @type {number} */
let timer = 0;

/** Say something; it goes away by itself. @param {string} text @param {{label: string, run: () => void}} [action] */
export function say(text, action) {
  show({ text, kind: 'info', action }, action ? 15_000 : 6_000);
}

/** Say that something failed; it stays until it is dismissed or something else is said. @param {unknown} error */
export function report(error) {
  if (error instanceof Error) console.warn(error);
  show({ text: error instanceof Error ? error.message : String(error), kind: 'bad' });
}

export function dismiss() {
  show(null);
}

/** @param {Notice} value @param {number} [milliseconds] */
function show(value, milliseconds) {
  clearTimeout(timer);
  notice.value = value;
  if (milliseconds) {
    timer = /** @type {any} */ (
      setTimeout(() => {
        if (notice.value === value) notice.value = null;
      }, milliseconds)
    );
  }
}

/** Do something that may fail, saying so. @template T @param {() => Promise<T> | T} act @returns {Promise<T | undefined>} */
export async function trying(act) {
  try {
    return await act();
  } catch (error) {
    if (/** @type {any} */ (error)?.name !== 'AbortError') report(error);
  }
}
