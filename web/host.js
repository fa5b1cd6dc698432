/** The engine without a page in between: synchronous databases for who is in a worker, or in Node, already. */

export { SqlError } from '../base/errors.js';
export { BlobStorage } from '../vfs/blob.js';
export { IndexedDbStorage } from '../vfs/indexeddb.js';
export { MemoryStorage } from '../vfs/memory.js';
export { OpfsStorage } from '../vfs/opfs.js';
export { Compiler } from './compiler.js';
export { HostDatabase as Database } from './database.js';
export { Engine } from './engine.js';
export { HostStatement as Statement } from './statement.js';
