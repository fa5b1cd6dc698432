/** The playground: one database at a time, kept in the browser. */

import { createEditor } from '/dist/editor.js';
import { connect, list, remove } from '../web/index.js';
import { count, errorView, resultView } from './results.js';
import { fillSample, QUERY } from './sample.js';
import { readSchema, showSchema } from './schema.js';

const FIRST = 'playground.db';
const KEPT_ROWS = 10_000;
/** @template {HTMLElement} [T=HTMLElement] @param {string} id @returns {T} */
const by = (id) => /** @type {T} */ (document.getElementById(id));

/** @type {import('../web/index.js').Database | null} */
let db = null;
/** @type {AbortController | null} */
let running = null;

const remember = (/** @type {string} */ key, /** @type {string} */ value) =>
  localStorage.setItem(`turso-wasm ${key}`, value);
const recall = (/** @type {string} */ key) => localStorage.getItem(`turso-wasm ${key}`);

const editor = createEditor(by('editor'), {
  text: '',
  onRun: () => run(),
  onChange: (text) => db && remember(`text ${db.name}`, text),
});

/** @param {string} text @param {'' | 'busy' | 'bad'} [kind] */
function say(text, kind = '') {
  by('state').textContent = text;
  by('state').className = kind;
}

/** Do something that may fail, saying so. @param {string} what @param {() => Promise<void>} act */
async function doing(what, act) {
  say(what, 'busy');
  try {
    await act();
    if (by('state').textContent === what) say('');
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
    console.error(error);
  }
}

// --- databases ----------------------------------------------------------------------------------------

const STAGES = { kernel: 'Starting the kernel…', compiler: 'Loading Python…', ready: 'Opening…' };

/** @param {string} name */
async function use(name) {
  await db?.close();
  db = null;
  by('run').toggleAttribute('disabled', true);
  db = await connect(name, { onProgress: (/** @type {keyof typeof STAGES} */ stage) => say(STAGES[stage], 'busy') });
  remember('database', name);
  editor.setText(recall(`text ${name}`) ?? '');
  editor.setError(null);
  by('results').replaceChildren();
  by('timing').textContent = '';
  await refresh();
  by('run').toggleAttribute('disabled', false);
  say('');
}

/** What the sidebar, the completion and the list of databases show. */
async function refresh() {
  if (!db) return;
  const tables = await readSchema(db);
  showSchema(by('schema'), tables, (sql) => run({ sql, at: -1 }));
  editor.setSchema(Object.fromEntries(tables.map(({ name, columns }) => [name, columns.map((column) => column.name)])));
  const names = new Set([...(await list()), db.name]);
  const select = /** @type {HTMLSelectElement} */ (by('databases'));
  select.replaceChildren(...[...names].sort().map((name) => new Option(name, name, false, name === db?.name)));
}

/** @param {string} question @param {string} proposal @returns {Promise<string | null>} */
function ask(question, proposal) {
  const dialog = /** @type {HTMLDialogElement} */ (by('ask'));
  const answer = /** @type {HTMLInputElement} */ (by('answer'));
  by('question').textContent = question;
  answer.value = proposal;
  answer.hidden = proposal === '';
  dialog.returnValue = 'cancel';
  dialog.showModal();
  answer.select();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === 'ok' ? answer.value.trim() : null);
  });
}

/** A name that is not taken. @param {string} stem */
async function freeName(stem) {
  const names = await list();
  for (let i = 1; ; i++) {
    const name = i === 1 ? `${stem}.db` : `${stem}-${i}.db`;
    if (!names.includes(name)) return name;
  }
}

/** @param {File} file */
async function openFile(file) {
  const name = file.name.replace(/[/\\]/g, '_');
  const old = db?.name;
  const isNew = !(await list()).includes(name);
  await use(name);
  try {
    await db?.import(file);
  } catch (error) {
    if (isNew) {
      await use(old && old !== name ? old : FIRST);
      await remove(name);
      await refresh();
    }
    throw error;
  }
  await refresh();
  say(`${file.name}: ${count(file.size, 'byte')}`);
}

by('databases').onchange = (event) =>
  doing('Opening…', () => use(/** @type {HTMLSelectElement} */ (event.target).value));

by('new').onclick = async () => {
  const name = await ask('Name of the new database', await freeName('new'));
  if (name) await doing('Opening…', () => use(name));
};

by('sample').onclick = () =>
  doing('Filling…', async () => {
    await use(await freeName('sample'));
    if (db) await fillSample(db);
    editor.setText(QUERY);
    await refresh();
    await run();
  });

by('open').onclick = () => by('file').click();
by('file').onchange = async () => {
  const input = /** @type {HTMLInputElement} */ (by('file'));
  const file = input.files?.[0];
  input.value = '';
  if (file) await doing(`Opening ${file.name}…`, () => openFile(file));
};

by('download').onclick = () =>
  doing('Writing…', async () => {
    if (!db) return;
    const url = URL.createObjectURL(new Blob([await db.export()], { type: 'application/vnd.sqlite3' }));
    Object.assign(document.createElement('a'), { href: url, download: db.name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  });

by('delete').onclick = async () => {
  const name = db?.name;
  if (!name || (await ask(`Delete ${name}? It cannot be brought back.`, '')) === null) return;
  await doing('Deleting…', async () => {
    await db?.close();
    db = null;
    await remove(name);
    localStorage.removeItem(`turso-wasm text ${name}`);
    await use((await list())[0] ?? FIRST);
  });
};

// --- dropping a file ------------------------------------------------------------------------------------

addEventListener('dragover', (event) => {
  event.preventDefault();
  by('drop').hidden = false;
});
addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) by('drop').hidden = true;
});
addEventListener('drop', async (event) => {
  event.preventDefault();
  by('drop').hidden = true;
  const file = event.dataTransfer?.files[0];
  if (file) await doing(`Opening ${file.name}…`, () => openFile(file));
});

// --- running ---------------------------------------------------------------------------------------------

/** Run the selection or everything; `at`: where `sql` begins in the editor, -1: it is not there. */
async function run({ sql, at } = editor.selection()) {
  if (!db || running) return;
  running = new AbortController();
  editor.setError(null);
  by('stop').hidden = false;
  by('run').toggleAttribute('disabled', true);
  say('Running…', 'busy');
  const started = performance.now();
  try {
    const { results, error } = await db.script(sql, { limit: KEPT_ROWS, signal: running.signal });
    by('results').replaceChildren(...results.map((/** @type {any} */ result) => resultView(result, sql)));
    by('results').scrollTop = 0;
    if (error) fail(error, sql, at);
    by('timing').textContent = `${count(results.length, 'statement')}, ${(performance.now() - started).toFixed(0)} ms`;
    say('');
    if (results.some((/** @type {any} */ { kind }) => kind !== 'select' && kind !== 'explain')) await refresh();
  } catch (error) {
    fail(error, sql, at);
    say('');
  } finally {
    running = null;
    by('stop').hidden = true;
    by('run').toggleAttribute('disabled', false);
  }
}

/** @param {any} error @param {string} sql @param {number} at */
function fail(error, sql, at) {
  const offset = error.offset ?? -1;
  const stopped = error.name === 'AbortError' || error.code === 'SQLITE_INTERRUPT';
  const view = errorView(
    stopped ? { message: 'Stopped. What the statement had changed is undone.' } : error,
    sql,
    offset,
  );
  by('results').append(view);
  view.scrollIntoView({ block: 'nearest' });
  if (offset >= 0 && at >= 0) editor.setError({ at: at + offset, message: error.message });
}

by('run').onclick = () => run();
by('stop').onclick = () => running?.abort();

// --- light and dark ----------------------------------------------------------------------------------------

/** @param {boolean} dark */
function setDark(dark) {
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  editor.setDark(dark);
}

const prefersDark = matchMedia('(prefers-color-scheme: dark)');
const isDark = () => (recall('theme') ? recall('theme') === 'dark' : prefersDark.matches);
prefersDark.onchange = () => setDark(isDark());
by('theme').onclick = () => {
  remember('theme', isDark() ? 'light' : 'dark');
  setDark(isDark());
};

setDark(isDark());
if (/Mac|iPhone|iPad/.test(navigator.userAgent))
  for (const key of document.querySelectorAll('kbd')) key.textContent = key.textContent?.replace('Ctrl', '⌘') ?? '';
await doing('Starting…', () => use(recall('database') ?? FIRST));
editor.focus();
