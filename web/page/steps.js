/** Backups in steps, in the page or where the database is. */

import { COUNT, check } from './check.js';

const PAGES_AT_ONCE = 100;
const PAUSE_MS = 10;

/**
 * @typedef {(progress: {totalPages: number, remainingPages: number}) => number | void} Progress
 * @typedef {object} Stepped
 * @property {number} totalPages
 * @property {number} remainingPages
 * @property {boolean} isDone the copy is in its place
 * @property {(pages: number) => Promise<void>} step
 */

/** All steps of a backup, as large as who is told of them says. @param {Stepped} backup @param {Progress} progress what it throws ends the backup */
export async function inSteps(backup, progress) {
  while (!backup.isDone) {
    const { totalPages, remainingPages } = backup;
    const pages = progress({ totalPages, remainingPages }) ?? PAGES_AT_ONCE;
    check("what backup()'s progress returns", pages, COUNT);
    if (pages === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await backup.step(pages);
  }
}
