/** The interface's language: `t('key')` is the text of ../texts/ in the language of the page. */

import { signal } from '@preact/signals';
import { STRINGS } from '../texts/all.js';

/** The languages, as the columns of the table. */
export const LANGUAGES = { en: 'English', ja: '日本語' };
const COLUMN = { en: 0, ja: 1 };

/** @returns {'en' | 'ja'} */
function preferred() {
  let chosen = null;
  try {
    chosen = localStorage.getItem('turso-wasm playground language');
  } catch {
    // the browser keeps nothing
  }
  return (chosen ?? navigator.language).startsWith('ja') ? 'ja' : 'en';
}

export const language = signal(preferred());

/**
 * A text; `{name}` in it stands for a value. A text that is missing is its key, which the tests look for.
 * @param {string} key @param {Record<string, string | number | bigint>} [values]
 */
export function t(key, values) {
  const text = STRINGS[key]?.[COLUMN[language.value]] ?? key;
  return values ? text.replaceAll(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** A number with separators. @param {number | bigint} number */
export function number(number) {
  return number.toLocaleString(language.value);
}

/** Bytes, as "1.5 MB". @param {number} bytes */
export function size(bytes) {
  let unit = 0;
  let value = bytes;
  for (; value >= 1000 && unit < 4; unit++) value /= 1000;
  const digits = unit && value < 100 ? 1 : 0;
  return `${value.toLocaleString(language.value, { maximumFractionDigits: digits })} ${['bytes', 'kB', 'MB', 'GB', 'TB'][unit]}`;
}

/** A duration, as "0.42 ms", "12 ms", "3.1 s". @param {number} milliseconds */
export function duration(milliseconds) {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 1)} s`;
  return `${milliseconds.toFixed(milliseconds < 10 ? 2 : 0)} ms`;
}
