/** Files of rows become tables: a look at the first rows, what they are to be called, and in they go. */

import { useState } from 'preact/hooks';
import { say, trying } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import { changes, database } from '../core/session.js';
import { quoted } from '../core/sql.js';
import { number, t } from '../core/texts.js';
import { openQuery } from '../editor/query.js';
import { Check, DialogFrame } from '../layout/widgets.jsx';
import { addDialog, addOpener, openDialog } from '../registry.js';
import { cellText } from '../results/values.js';
import { DELIMITERS } from './delimiters.js';
import { ENCODINGS } from './encoding.js';
import { EXTENSIONS, formatOf } from './source.js';
import { Import } from './state.js';
import './import.css';

const DELIMITER_TEXTS = /** @type {Record<string, string>} */ ({
  ',': 'import.comma',
  ';': 'import.semicolon',
  '\t': 'import.tab',
  '|': 'import.bar',
});
const TYPES = ['INTEGER', 'REAL', 'TEXT', 'BLOB'];

/** @param {{props: {job: Import}, close: (value?: any) => void}} given */
function ImportDialog({ props: { job }, close }) {
  const [problem, setProblem] = useState('');
  const progress = job.progress.value;
  const hindrance = job.problem.value ? null : job.hindrance();
  const run = async () => {
    const db = database.peek();
    if (!db || progress) return;
    setProblem('');
    try {
      await releaseResults();
      close(await job.run(db));
    } catch (error) {
      const aborted = /** @type {any} */ (error)?.name === 'AbortError';
      setProblem(aborted ? t('import.stopped') : /** @type {Error} */ (error).message);
    }
  };
  const leave = () => {
    if (progress) job.stop();
    else close();
  };
  const ready = !progress && !hindrance && !job.problem.value && job.part.value;
  return (
    <DialogFrame
      wide
      title={t('import.title', { name: job.file.name })}
      close={leave}
      submit={t('import.do')}
      disabled={!ready}
      onSubmit={run}
    >
      {job.part.value ? (
        <fieldset class="import" disabled={Boolean(progress)}>
          {job.parts.value.length > 1 && <Parts job={job} />}
          <Choices job={job} />
          <Preview job={job} />
        </fieldset>
      ) : (
        !job.problem.value && <p>{t('import.reading')}</p>
      )}
      <p class="problem" role="alert">
        {job.problem.value || problem || (hindrance && job.part.value ? t(hindrance.key, hindrance.values) : '')}
      </p>
      {progress && <Progress progress={progress} stop={() => job.stop()} />}
    </DialogFrame>
  );
}

/** @param {{progress: {stage: string, done: number, rows: number, table: string}, stop: () => void}} props */
function Progress({ progress: { stage, done, rows, table }, stop }) {
  const percent = Math.floor(done * 100);
  const text = t(stage === 'look' ? 'import.looking' : 'import.loading', { table, percent, rows: number(rows) });
  return (
    <div class="import-progress">
      <progress max={100} value={percent} aria-label={text} />
      <span role="status">{text}</span>
      <button type="button" onClick={stop}>
        {t('import.stop')}
      </button>
    </div>
  );
}

/** @param {{job: Import}} props */
function Parts({ job }) {
  return (
    <div class="import-parts" role="group" aria-label={t('import.parts')}>
      {job.parts.value.map((part, i) => (
        <span key={i} class={i === job.shown.value ? 'chosen' : ''}>
          <input
            type="checkbox"
            checked={part.wanted}
            aria-label={part.source.name}
            onChange={() => {
              job.parts.value = job.parts.value.map((one, n) => (n === i ? { ...one, wanted: !one.wanted } : one));
            }}
          />
          <button type="button" aria-pressed={i === job.shown.value} onClick={() => (job.shown.value = i)}>
            {part.source.name}
          </button>
        </span>
      ))}
    </div>
  );
}

/** @param {{job: Import}} props */
function Choices({ job }) {
  const part = /** @type {import('./state.js').Part} */ (job.part.value);
  const { encoding, delimiter, header } = job.options.value;
  const look = (/** @type {any} */ change) => job.look({ encoding, delimiter, header, ...change });
  return (
    <div class="import-choices">
      <Field label={t('import.table')}>
        <input
          type="text"
          autocomplete="off"
          value={part.table}
          onInput={(event) => job.change({ table: event.currentTarget.value })}
          autofocus
        />
      </Field>
      <Choice
        label={t('import.mode')}
        value={part.mode}
        onChange={(mode) => job.change({ mode: /** @type {any} */ (mode) })}
      >
        {['create', 'append', 'replace'].map((mode) => [mode, t(`import.${mode}`)])}
      </Choice>
      {delimiter !== undefined && (
        <Choice label={t('import.delimiter')} value={delimiter} onChange={(value) => look({ delimiter: value })}>
          {DELIMITERS.map((one) => [one, t(DELIMITER_TEXTS[one])])}
        </Choice>
      )}
      {encoding !== undefined && (
        <Choice
          label={t('import.encoding')}
          value={encoding}
          onChange={(value) => look({ encoding: value, delimiter: undefined })}
        >
          {ENCODINGS.map((one) => [one, one])}
        </Choice>
      )}
      {header !== undefined && (
        <Check label={t('import.header')} checked={header} onChange={(value) => look({ header: value })} />
      )}
      {!part.source.typed && (
        <Check
          label={t('import.empty')}
          checked={job.emptyIsNull.value}
          onChange={(value) => (job.emptyIsNull.value = value)}
        />
      )}
    </div>
  );
}

/** @param {{label: string, children: any}} props */
function Field({ label, children }) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
    </label>
  );
}

/** @param {{label: string, value: string, onChange: (value: string) => void, children: string[][]}} props options: value, text */
function Choice({ label, value, onChange, children }) {
  return (
    <Field label={label}>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {children.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </Field>
  );
}

/** @param {{job: Import}} props */
function Preview({ job }) {
  const part = /** @type {import('./state.js').Part} */ (job.part.value);
  const change = (/** @type {number} */ at, /** @type {any} */ column) =>
    job.change({ columns: part.columns.map((one, i) => (i === at ? { ...one, ...column } : one)) });
  return (
    <div class="import-preview" tabIndex={0} role="region" aria-label={t('import.preview')}>
      <table>
        <thead>
          <tr>
            {part.columns.map(({ name, type, guess }, i) => (
              <th key={i} scope="col">
                <input
                  type="text"
                  autocomplete="off"
                  value={name}
                  aria-label={t('import.column', { number: i + 1 })}
                  onInput={(event) => change(i, { name: event.currentTarget.value })}
                />
                <select
                  value={type}
                  aria-label={t('import.type', { name })}
                  onChange={(event) => change(i, { type: event.currentTarget.value })}
                >
                  <option value="auto">{t('import.auto', { type: guess })}</option>
                  {TYPES.map((one) => (
                    <option key={one}>{one}</option>
                  ))}
                </select>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {part.rows.map((row, n) => (
            <tr key={n}>
              {part.columns.map((_, i) => (
                <td key={i} class={row[i] === null || row[i] === undefined ? 'null' : ''}>
                  {typeof row[i] === 'number' ? String(row[i]) : cellText(row[i] ?? null)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

addDialog({ id: 'import', View: ImportDialog });
addOpener({
  id: 'rows',
  extensions: EXTENSIONS.join(','),
  accepts: (file) => formatOf(file.name) !== null,
  open: importRows,
});

/** Ask how a file is to be imported, do it, and show what came. @param {File} file */
export async function importRows(file) {
  const db = database.peek();
  if (!db) return;
  const tables = await db.prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')").pluck().all();
  const job = new Import(file, tables.map(String));
  const asked = openDialog('import', { job });
  await job.look();
  /** @type {{table: string, rows: number}[] | undefined} */
  const done = await asked;
  if (!done) return;
  changes.value++;
  for (const { table, rows } of done) say(t('import.done', { table, rows: number(rows) }));
  await trying(() => openQuery(`SELECT * FROM ${quoted(done[0].table)};`, { run: true }));
}
