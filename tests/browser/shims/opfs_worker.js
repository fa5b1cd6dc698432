/** oo1 on OPFS, in a worker: databases whose files are acquired, and a pool of files for any name. */

import sqlite3InitModule from '/dist/package/shims/oo1.js';
import { equal, fails } from '../adapters/checks.js';

async function run() {
  const without = await sqlite3InitModule();
  equal([without.oo1.OpfsDb, without.opfs], [undefined, undefined]);
  const sqlite3 = await sqlite3InitModule({ opfs: ['oo1.db'] });
  const { OpfsDb } = sqlite3.oo1;
  for (const n of [0, 1, 2]) {
    const db = new OpfsDb('/oo1.db', 'c');
    db.exec('CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1)');
    equal(
      [db.selectValue('SELECT count(*) FROM t'), db.dbVfsName(), db.dbVfsName('temp'), db.dbVfsName('no')],
      [n + 1, 'opfs', 'memory', undefined],
    );
    db.close();
  }
  await fails(() => new OpfsDb('later.db'), 'await sqlite3.opfs.acquire(name)');
  await sqlite3.opfs.acquire('later.db');
  new OpfsDb('later.db').close();
  await sqlite3.opfs.unlink('later.db');
  await fails(() => new OpfsDb('later.db'), 'are not acquired');
  await sqlite3.opfs.unlink('oo1.db');

  const pool = await sqlite3.installOpfsSAHPoolVfs({ initialCapacity: 3, name: 'pool' });
  equal((await sqlite3.installOpfsSAHPoolVfs({ name: 'pool' })) === pool, true);
  equal([pool.vfsName, pool.getCapacity(), pool.getFileCount(), pool.getFileNames()], ['pool', 3, 0, []]);
  const one = new pool.OpfsSAHPoolDb('/one');
  one.exec("CREATE TABLE t(a); INSERT INTO t VALUES ('kept')");
  const again = new pool.OpfsSAHPoolDb('one');
  equal([again.selectValue('SELECT a FROM t'), again.dbVfsName()], ['kept', 'pool']);
  await fails(() => pool.unlink('/one'), '/one is open');
  again.close();
  one.close();
  await fails(() => new pool.OpfsSAHPoolDb('/none', 'w'), 'File not found: /none');
  const file = pool.exportFile('/one');
  equal(pool.importDb('/two', file), file.length);
  equal(
    await pool.importDb(
      '/three',
      (() => {
        const parts = [file.slice(0, 1000), file.slice(1000)];
        return async () => parts.shift();
      })(),
    ),
    file.length,
  );
  await fails(() => pool.importDb('/four', file), 'SAH pool is full');
  await fails(() => pool.importDb('/two', new Uint8Array(512)), 'does not contain an SQLite database header');
  equal([await pool.addCapacity(2), await pool.reduceCapacity(1), await pool.reserveMinimumCapacity(4)], [5, 1, 4]);
  const two = new pool.OpfsSAHPoolDb('/two');
  equal([two.selectValue('SELECT a FROM t'), pool.getFileNames()], ['kept', ['/one', '/three', '/two']]);
  await fails(() => pool.pauseVfs(), '/two is open');
  two.close();
  equal([pool.unlink('/two'), pool.unlink('/two'), pool.getFileCount()], [true, false, 2]);
  equal(pool.pauseVfs().isPaused(), true);
  await fails(() => new pool.OpfsSAHPoolDb('/one'), 'is paused');
  await pool.unpauseVfs();
  const fresh = new pool.OpfsSAHPoolDb('/two');
  equal(fresh.selectValue('SELECT count(*) FROM sqlite_schema'), 0);
  fresh.close();
  equal(await pool.removeVfs(), true);
  const anew = await sqlite3.installOpfsSAHPoolVfs({ initialCapacity: 1, name: 'pool' });
  equal([anew === pool, anew.getFileNames(), await anew.removeVfs()], [false, [], true]);
  return 'all of it';
}

run().then(
  (said) => postMessage(said),
  (error) => postMessage(`${error.stack}`),
);
