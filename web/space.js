/** What "database or disk is full" means in a browser: how much the site may store, and how much it does. */

import { SQLITE_FULL, SqlError } from '../base/errors.js';
import { FullError } from '../vfs/base.js';

const KB = 1024;

/**
 * An error, and if the browser refused a write, how much was to be written and how much may be.
 * @param {unknown} error @param {import('../vfs/table.js').FileTable} files
 */
export async function explained(error, files) {
  if (!(error instanceof SqlError) || error.errcode !== SQLITE_FULL) return error;
  const refusal = error instanceof FullError ? error : files.lastError;
  files.lastError = undefined;
  if (!isFull(refusal)) return error; // PRAGMA max_page_count
  const bytes = refusal instanceof FullError ? refusal.bytes : 0;
  const needed = bytes ? [`${shown(bytes)} were to be written`] : [];
  const message = [error.message, [...needed, ...(await left(bytes))].join(', ')].filter(Boolean).join(': ');
  return new SqlError(message, error.errcode, error.offset, { cause: error });
}

/** @param {unknown} refusal */
function isFull(refusal) {
  return refusal instanceof FullError || (refusal instanceof Error && refusal.name === 'QuotaExceededError');
}

/**
 * What the browser says of the site's room. Some always say that there are ten gigabytes, so that a site cannot tell visitors apart by their
 * disks: that is not repeated to somebody who could not write.
 * @param {number} needed bytes
 */
async function left(needed) {
  const { quota = 0, usage = 0 } = (await globalThis.navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  if (!quota || quota - usage >= needed) return [];
  return [`${shown(Math.max(0, quota - usage))} of the ${shown(quota)} that this site may store are left`];
}

/** @param {number} bytes */
function shown(bytes) {
  return bytes < KB * KB ? `${Math.ceil(bytes / KB)} KB` : `${(bytes / KB / KB).toFixed(1)} MB`;
}
