/** Files of the user's: what a page may do with the handle of one. */

import { SQLITE_CANTOPEN, SQLITE_PERM, SqlError } from '../../base/errors.js';

/** @param {any} value @returns {value is FileSystemFileHandle} */
export function isHandle(value) {
  return value?.kind === 'file' && typeof value.getFile === 'function';
}

/**
 * A file as it is now.
 * @param {Blob | FileSystemFileHandle} given
 * @returns {Promise<Blob>}
 * @throws {SqlError} SQLITE_PERM when the user or the browser does not let the page read it, SQLITE_CANTOPEN when it is gone
 */
export async function fileOf(given) {
  if (given instanceof Blob) return given;
  await permit(given, 'read');
  try {
    return await given.getFile();
  } catch (error) {
    throw refused(given, 'read', error);
  }
}

/**
 * Have the user's leave, which browsers ask for only while the user does something.
 * @param {FileSystemFileHandle} handle @param {'read' | 'readwrite'} mode
 */
export async function permit(handle, mode) {
  const permissions = /** @type {any} */ (handle); // of Chromium; elsewhere handles need none
  if (((await permissions.queryPermission?.({ mode })) ?? 'granted') === 'granted') return;
  let answer;
  try {
    answer = await permissions.requestPermission({ mode });
  } catch (error) {
    throw refused(handle, mode, error);
  }
  if (answer !== 'granted') throw refused(handle, mode, new DOMException('', 'NotAllowedError'));
}

/** @param {FileSystemFileHandle} handle @param {'read' | 'readwrite'} mode @param {unknown} cause */
export function refused({ name }, mode, cause) {
  const kind = cause instanceof Error ? cause.name : '';
  if (kind === 'NotAllowedError' || kind === 'SecurityError') {
    const how =
      kind === 'SecurityError' ? ', which is asked for only when the user has just clicked or typed something' : '';
    const what = mode === 'read' ? 'read' : 'write';
    return new SqlError(
      `access permission denied: ${name}: there is no permission to ${what} it${how}`,
      SQLITE_PERM,
      -1,
      { cause },
    );
  }
  const why =
    kind === 'NotFoundError' ? 'it is not there any more' : cause instanceof Error ? cause.message : String(cause);
  return new SqlError(`unable to open database file: ${name}: ${why}`, SQLITE_CANTOPEN, -1, { cause });
}
