/** SQLite database files as a whole: what is checked before one is taken in. */

import { SQLITE_CORRUPT, SQLITE_ERROR, SQLITE_NOTADB, SqlError } from '../base/errors.js';
import { ENCRYPTED } from './image.js';

const MAGIC = 'SQLite format 3\0';
const HEADER_SIZE = 100;
const AT_PAGE_SIZE = 16;
const AT_CHANGE_COUNTER = 24;
const AT_PAGE_COUNT = 28;
const AT_SCHEMA_FORMAT = 44;
const AT_VERSION_VALID_FOR = 92;

/**
 * Refuse what is no database, or not all of one; an encrypted one has these fields in the clear. Source: https://sqlite.org/fileformat2.html#the_database_header
 * @param {Blob} file
 */
export async function checkHeader(file) {
  const header = new DataView(await file.slice(0, HEADER_SIZE).arrayBuffer());
  const magic = String.fromCharCode(...new Uint8Array(header.buffer, 0, Math.min(16, header.byteLength)));
  if (header.byteLength < HEADER_SIZE || !(magic === MAGIC || ENCRYPTED.test(magic))) {
    throw new SqlError('file is not a database', SQLITE_NOTADB);
  }
  const stored = header.getUint16(AT_PAGE_SIZE);
  const pageSize = stored === 1 ? 65536 : stored;
  if (pageSize < 512 || pageSize > 65536 || pageSize & (pageSize - 1)) {
    throw new SqlError('file is not a database', SQLITE_NOTADB);
  }
  if (header.getUint32(AT_SCHEMA_FORMAT) > 4) throw new SqlError('unsupported file format', SQLITE_ERROR);
  const counted = header.getUint32(AT_CHANGE_COUNTER) === header.getUint32(AT_VERSION_VALID_FOR);
  const pages = counted ? header.getUint32(AT_PAGE_COUNT) : 1;
  if (file.size < Math.max(pages, 1) * pageSize) {
    throw new SqlError('database disk image is malformed: the file is cut short', SQLITE_CORRUPT);
  }
}
