/**
 * What a tab does in a soak test: rows with triggers and cascades, transactions, deletions, VACUUM. Each tab has rows of its own, numbered;
 * `acked(tab, what, n)` tells the test what was answered, `intend(tab, n)` that rows up to `n` are going to be deleted.
 */

import { connect, SqlError } from '/web/index.js';

const NAME = 'soak.db';
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS tally(tab INTEGER PRIMARY KEY, alive INTEGER NOT NULL, highest INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS item(id INTEGER PRIMARY KEY, tab INTEGER NOT NULL, n INTEGER NOT NULL, payload BLOB, UNIQUE(tab, n));
  CREATE TABLE IF NOT EXISTS detail(item INTEGER NOT NULL REFERENCES item ON DELETE CASCADE, k INTEGER, text TEXT);
  CREATE INDEX IF NOT EXISTS detail_item ON detail(item);
  CREATE TRIGGER IF NOT EXISTS added AFTER INSERT ON item BEGIN
    INSERT INTO tally VALUES (new.tab, 1, new.n) ON CONFLICT DO UPDATE SET alive = alive + 1, highest = max(highest, new.n);
    INSERT INTO detail VALUES (new.id, 1, hex(randomblob(20))), (new.id, 2, hex(randomblob(300))), (new.id, 3, NULL);
  END;
  CREATE TRIGGER IF NOT EXISTS removed AFTER DELETE ON item BEGIN
    UPDATE tally SET alive = alive - 1 WHERE tab = old.tab;
  END;`;
const STATE = `SELECT (SELECT json_group_array(json_array(tab, n)) FROM item), (SELECT count(*) FROM item),
  (SELECT count(*) FROM detail), (SELECT coalesce(sum(alive), 0) FROM tally)`;
/** What a request may fail with when somebody was killed. */
const EXPECTED = ['SQLITE_BUSY', 'SQLITE_IOERR', 'SQLITE_ABORT', 'SQLITE_ABORT_ROLLBACK', 'SQLITE_MISUSE'];

/** Rows of a tab that are kept. */
const KEPT = 12;

export class Tab {
  db = null;
  stopped = false;
  /** Milliseconds of the slowest request. */
  slowest = 0;
  /** What should not have happened. */
  surprises = [];

  constructor(number, storage) {
    this.number = number;
    this.storage = storage;
  }

  /** Open the database; `stop`: with a worker that stops (worker.js says how), '': that does not. */
  async open(stop = '') {
    const worker = new Worker(stop ? `/tests/soak/worker.js${stop}` : '/web/worker.js', { type: 'module' });
    worker.addEventListener('message', ({ data }) => data.soak && worker.terminate());
    this.worker = worker;
    this.db = await connect(NAME, { worker, storage: this.storage, persist: false });
    const schema = () => this.timed(() => this.db.exec(`PRAGMA foreign_keys = ON; ${SCHEMA}`));
    // Once more if the owner is killed meanwhile.
    await schema().catch((error) => (EXPECTED.includes(error.code) && this.db.open ? schema() : Promise.reject(error)));
    this.insert = this.db.prepare('INSERT INTO item(tab, n, payload) VALUES (?, ?, randomblob(?))');
  }

  async timed(act) {
    const started = performance.now();
    try {
      return await act();
    } finally {
      this.slowest = Math.max(this.slowest, performance.now() - started);
    }
  }

  /** Write until stopped, or until the worker is gone. */
  async work() {
    let n = 0;
    while (!this.stopped && this.db?.open) {
      try {
        if (!n)
          n =
            (await this.timed(() =>
              this.db.prepare('SELECT highest FROM tally WHERE tab = ?').pluck().get(this.number),
            )) ?? 0;
        n++;
        await this.step(n);
      } catch (error) {
        if (!(error instanceof SqlError && EXPECTED.includes(error.code)))
          this.surprises.push(`${error.code}: ${error.message}`);
        if (error.code === 'SQLITE_ABORT_ROLLBACK') await this.db.exec('ROLLBACK').catch(() => undefined);
      }
    }
  }

  async step(n) {
    const { number } = this;
    if (n % 5 === 0 && n > KEPT) {
      await intend(number, n - KEPT);
      await this.timed(() => this.db.run('DELETE FROM item WHERE tab = ? AND n <= ?', number, n - KEPT));
      acked(number, 'deleted', n - KEPT);
    }
    if (n % 17 === 0) await this.timed(() => this.db.exec('VACUUM'));
    if (n % 3 === 0) {
      await this.timed(() =>
        this.db
          .transaction(async (tx) => {
            await tx.run('INSERT INTO item(tab, n, payload) VALUES (?, ?, zeroblob(9000))', number, n);
            await tx.run('UPDATE item SET payload = randomblob(100) WHERE tab = ? AND n = ?', number, n - 1);
          })
          .immediate(),
      );
    } else await this.timed(() => this.insert.run(number, n, (n * 997) % 6000));
    acked(number, 'added', n);
  }

  /** What there is, as of one moment; and how long it took to get it. */
  async state() {
    const started = performance.now();
    const [items, count, details, alive] = await this.db.prepare(STATE).raw().get();
    const took = performance.now() - started;
    const integrity = await this.db.pragma('integrity_check', { simple: true });
    const orphans = (await this.db.pragma('foreign_key_check')).length;
    return { items: JSON.parse(items), count, details, alive, integrity, orphans, took };
  }
}

globalThis.Tab = Tab;
