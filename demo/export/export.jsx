/** A result, a table or the whole database as a file. */

import { useState } from 'preact/hooks';
import { report, say } from '../core/notices.js';
import { ResultSet } from '../core/results.js';
import { releaseResults } from '../core/runner.js';
import { database, databaseName } from '../core/session.js';
import { quoted } from '../core/sql.js';
import { number, size, t } from '../core/texts.js';
import { activeRun } from '../core/workspace.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { dump } from './dump.js';
import { saveAs } from './save.js';
import { WRITERS } from './writers.js';

const BATCH = 2000;
const WHOLE = { db: 'application/vnd.sqlite3', sql: 'application/sql' };

/**
 * What can be exported, by its key in the dialog.
 * @typedef {{kind: 'result', set: ResultSet, number: number} | {kind: 'table', name: string, sql: string} | {kind: 'database'}} Subject
 */

/** @returns {Promise<Record<string, Subject>>} */
async function subjects() {
  /** @type {Record<string, Subject>} */
  const found = {};
  const sets = (activeRun.peek()?.outcomes ?? []).filter((one) => one instanceof ResultSet);
  for (const [i, set] of sets.entries()) found[`result ${i + 1}`] = { kind: 'result', set, number: i + 1 };
  const db = database.peek();
  if (!db) return found;
  const sql =
    "SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
  for (const [name, text] of /** @type {string[][]} */ (await db.prepare(sql).raw().all())) {
    found[`table ${name}`] = { kind: 'table', name, sql: text };
  }
  return { ...found, database: { kind: 'database' } };
}

/** @param {Subject} subject */
const formatsOf = (subject) => (subject.kind === 'database' ? Object.keys(WHOLE) : Object.keys(WRITERS));

/** @param {{props: {found: Record<string, Subject>}, close: (value?: any) => void}} given */
function ExportDialog({ props: { found }, close }) {
  const keys = Object.keys(found);
  const [key, setKey] = useState(keys[0] ?? '');
  const [format, setFormat] = useState('csv');
  const [busy, setBusy] = useState(/** @type {{rows: number, stop: AbortController} | null} */ (null));
  const subject = found[key];
  const formats = subject ? formatsOf(subject) : [];
  const chosen = formats.includes(format) ? format : formats[0];
  const save = async () => {
    const stop = new AbortController();
    setBusy({ rows: 0, stop });
    try {
      const { name, bytes } = await exportAs(subject, chosen, stop.signal, (rows) => setBusy({ rows, stop }));
      close();
      say(t('export.done', { name, size: size(bytes) }));
    } catch (error) {
      if (/** @type {any} */ (error)?.name !== 'AbortError') report(error);
      else if (stop.signal.aborted) say(t('export.stopped'));
      setBusy(null);
    }
  };
  const option = (/** @type {string} */ one) => {
    const of = found[one];
    if (of.kind === 'table') return of.name;
    return of.kind === 'database'
      ? t('export.database')
      : `${t('export.result')}${keys.filter((each) => found[each].kind === 'result').length > 1 ? ` ${of.number}` : ''}`;
  };
  return (
    <DialogFrame
      title={t('export.title')}
      close={() => (busy ? busy.stop.abort() : close())}
      submit={t('export.save')}
      disabled={!subject || Boolean(busy)}
      onSubmit={save}
    >
      <label class="field">
        <span>{t('export.what')}</span>
        <select value={key} autofocus onChange={(event) => setKey(event.currentTarget.value)}>
          {keys.map((one) => (
            <option key={one} value={one}>
              {option(one)}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>{t('export.format')}</span>
        <select value={chosen} onChange={(event) => setFormat(event.currentTarget.value)}>
          {formats.map((one) => (
            <option key={one} value={one}>
              {t(`export.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {subject?.kind === 'result' && subject.set.state.value === 'cut' && (
        <p>{t('export.cut', { rows: number(subject.set.rows.length) })}</p>
      )}
      {busy && (
        <p role="status">
          <span>{t('export.busy', { rows: number(busy.rows) })}</span>{' '}
          <button type="button" onClick={() => busy.stop.abort()}>
            {t('export.stop')}
          </button>
        </p>
      )}
    </DialogFrame>
  );
}

/**
 * @param {Subject} subject @param {string} format @param {AbortSignal} signal @param {(rows: number) => void} onRows
 * @returns {Promise<{name: string, bytes: number}>}
 */
async function exportAs(subject, format, signal, onRows) {
  const db = /** @type {import('../core/session.js').Database} */ (database.peek());
  const stem = databaseName.peek().replace(/\.[^.]*$/, '') || 'database';
  if (subject.kind === 'database') {
    await releaseResults();
    const name = `${stem}.${format}`;
    const pieces = format === 'sql' ? () => dump(db) : () => fileOf(db);
    return { name, bytes: await saveAs(name, WHOLE[/** @type {'db' | 'sql'} */ (format)], pieces, signal) };
  }
  const rows = await rowsOf(db, subject, onRows);
  const { extension, mime, write } = WRITERS[format];
  const name = `${subject.kind === 'table' ? subject.name.replaceAll(/[/\\:*?"<>|]/g, '_') : stem}.${extension}`;
  return { name, bytes: await saveAs(name, mime, () => write(rows), signal) };
}

/** @param {import('../core/session.js').Database} db */
async function* fileOf(db) {
  yield await db.export();
}

/**
 * @param {import('../core/session.js').Database} db @param {Exclude<Subject, {kind: 'database'}>} subject @param {(rows: number) => void} onRows
 * @returns {Promise<import('./writers.js').Rows>}
 */
async function rowsOf(db, subject, onRows) {
  if (subject.kind === 'table') {
    const statement = db
      .prepare(`SELECT * FROM ${quoted(subject.name)}`)
      .safeIntegers()
      .raw();
    const columns = (await statement.columns()).map(({ name }) => name);
    const isTable = /^\s*CREATE\s+TABLE\b/i.test(subject.sql);
    return {
      columns,
      table: subject.name,
      batches: () => batched(statement.iterate(), onRows),
      definition: isTable ? subject.sql : undefined,
    };
  }
  const { set } = subject;
  const all = async function* () {
    if (set.state.peek() === 'more') await set.fetch(Infinity);
    yield* set.rows;
  };
  return { columns: set.columns.map(({ name }) => name), table: 'result', batches: () => batched(all(), onRows) };
}

/** @template T @param {AsyncIterable<T>} rows @param {(rows: number) => void} onRows @returns {AsyncGenerator<T[], void>} */
async function* batched(rows, onRows) {
  /** @type {T[]} */
  let batch = [];
  let count = 0;
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield batch;
    onRows((count += batch.length));
    batch = [];
  }
  if (batch.length) yield batch;
}

addDialog({ id: 'export', View: ExportDialog });
addCommand({
  id: 'export',
  group: 'database',
  icon: 'download',
  keys: ['Mod-Shift-s'],
  menu: true,
  enabled: () => database.value !== null,
  run: async () => {
    const found = await subjects();
    if (Object.keys(found).length) await openDialog('export', { found });
    else say(t('export.nothing'));
  },
});
