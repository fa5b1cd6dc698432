/** The promiser, on what sqlite-wasm's documentation of the Worker1 API shows. */

import { sqlite3Worker1Promiser } from '/dist/package/shims/oo1.js';
import { equal } from '../adapters/checks.js';

const rejected = (promise) =>
  promise.then(
    () => 'nothing',
    ({ type, result }) => [type, result.operation, result.message],
  );

export default async function run() {
  const promiser = await new Promise((resolve) => {
    const made = sqlite3Worker1Promiser({ onready: () => resolve(made) });
  });
  const { result: config } = await promiser('config-get', {});
  equal(
    [config.version.libVersion.split('.')[0], config.bigIntEnabled, config.vfsList],
    ['3', true, ['opfs', 'memory']],
  );
  equal(await rejected(promiser('exec', 'SELECT 1')), ['error', 'exec', 'DB is not opened.']);
  const opened = await promiser('open', { filename: 'file:promiser.db?vfs=opfs' });
  const { dbId } = opened;
  equal(
    [opened.type, opened.result.dbId === dbId, opened.result.persistent, opened.result.vfs],
    ['open', true, true, 'opfs'],
  );
  await promiser('exec', { dbId, sql: 'CREATE TABLE IF NOT EXISTS t(a, b); DELETE FROM t' });
  const inserted = await promiser({
    type: 'exec',
    dbId,
    args: { sql: 'INSERT INTO t VALUES (?, ?), (3, 4)', bind: [1, 2], countChanges: true },
  });
  equal(inserted.result.changeCount, 2);
  const seen = [];
  const told = await promiser('exec', {
    sql: 'SELECT a, b FROM t ORDER BY a',
    rowMode: 'object',
    callback: ({ row, rowNumber, columnNames }) => seen.push([row, rowNumber, columnNames]),
  });
  equal(seen, [
    [{ a: 1, b: 2 }, 1, ['a', 'b']],
    [{ a: 3, b: 4 }, 2, ['a', 'b']],
    [undefined, null, ['a', 'b']],
  ]);
  equal(told.type, 'exec');
  const { result } = await promiser('exec', { sql: 'SELECT a FROM t', returnValue: 'resultRows' });
  equal(result.resultRows, [[1], [3]]);
  equal(await rejected(promiser('exec', 'SELECT nope')), [
    'error',
    'exec',
    'SQLITE_ERROR: sqlite3 result code 1: no such column: nope',
  ]);
  equal(await rejected(promiser('nonsense')), ['error', 'nonsense', 'Unknown db worker message type: nonsense']);
  const second = await promiser('open', { filename: ':memory:' });
  equal((await promiser('exec', { dbId: second.dbId, sql: 'SELECT 7', returnValue: 'resultRows' })).result.resultRows, [
    [7],
  ]);
  const { byteArray, mimetype } = (await promiser('export', { dbId })).result;
  equal([new TextDecoder().decode(byteArray.slice(0, 15)), mimetype], ['SQLite format 3', 'application/x-sqlite3']);
  equal((await promiser('close', { dbId, unlink: true })).result.filename, 'promiser.db');
  equal(await rejected(promiser({ type: 'exec', dbId, args: 'SELECT 1' })), [
    'error',
    'exec',
    `Unknown (or closed) dbId: ${dbId}`,
  ]);
  const v2 = await sqlite3Worker1Promiser.v2();
  equal((await v2('config-get')).result.bigIntEnabled, true);
  return 'all of it';
}
