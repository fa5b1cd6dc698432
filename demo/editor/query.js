/** What the editor's commands do: run, stop, format. It knows the editor only as far as it is there yet. */

import { effect, signal } from '@preact/signals';
import { report, say } from '../core/notices.js';
import { parameterNames, running, runScript } from '../core/runner.js';
import { database, databaseName, whenReady } from '../core/session.js';
import { statementAt } from '../core/sql.js';
import { t } from '../core/texts.js';
import { activeTab, addTab, changeTab, isSql, remember, showRun } from '../core/workspace.js';
import { confirm } from '../layout/ask.jsx';
import { openDialog, runners } from '../registry.js';
import { hintFor } from './hints.js';

/** @type {import('@preact/signals').Signal<ReturnType<typeof import('./codemirror.js')['createEditor']> | null>} */
export const editor = signal(/** @type {any} */ (null));
/** Whether a run waits for the engine. */
export const waiting = signal(false);

/** What is to be run, and where it is in the text; here: the selection, or the statement at the cursor. @param {'selection' | 'statement' | 'all' | 'here'} what */
export function chosen(what) {
  const here = editor.peek();
  const text = here?.text() ?? activeTab.peek()?.text ?? '';
  const selection = here?.selection();
  if ((what === 'selection' || what === 'here') && selection?.text.trim())
    return { sql: selection.text, at: selection.at };
  if ((what === 'statement' || what === 'here') && isSql.peek()) {
    const found = statementAt(text, here?.cursor() ?? 0);
    return found ? { sql: found.text, at: found.start } : { sql: '', at: 0 };
  }
  return { sql: text, at: 0 };
}

/** Run the selection, or everything; the statement at the cursor; all. @param {'selection' | 'statement' | 'all'} what */
export function run(what = 'selection') {
  const { sql, at } = chosen(what);
  return runText(sql, at);
}

/**
 * Run a script and show what comes in the tab. One run at a time.
 * @param {string} sql @param {number} [at] where it is in the editor; -1: it is not there
 * @param {(sql: string) => string} [dress] what is run instead, as EXPLAIN of it
 */
export async function runText(sql, at = -1, dress = (text) => text) {
  const tab = activeTab.peek();
  if (!tab || running.peek() || waiting.peek()) return;
  if (!sql.trim()) return say(t('run.nothing'));
  editor.peek()?.setError(null);
  const runner = runners.get(tab.kind ?? '');
  if (runner && tab.foreign) {
    const question = { title: t('command.run'), text: t(runner.warning), submit: t('command.run'), danger: true };
    if ((await confirm(question)) !== true) return;
    changeTab(tab.id, { foreign: false });
  }
  const script = dress(sql);
  const names = runner ? [] : parameterNames(script);
  const values = names.length ? await openDialog('parameters', { names }) : {};
  if (!values) return;
  if (!database.peek()) waiting.value = true;
  try {
    const db = await whenReady();
    waiting.value = false;
    const show = (/** @type {import('../core/runner.js').Run} */ now) => showRun(tab.id, now);
    const done = await (runner ? runner.run(db, script, show) : runScript(db, script, show, values));
    remember({
      sql,
      kind: tab.kind,
      at: Date.now(),
      milliseconds: done.milliseconds,
      failed: done.state === 'failed',
      database: databaseName.peek(),
    });
    if (done.failure && !done.failure.stopped && at >= 0 && activeTab.peek()?.id === tab.id)
      mark(done.failure, sql, at - (script.length - sql.length));
    return done;
  } catch (error) {
    report(error);
  } finally {
    waiting.value = false;
  }
}

/** Underline where it failed: the word, or the whole statement. @param {import('../core/runner.js').Failure} failure @param {string} sql @param {number} at */
function mark({ message, offset, start, end }, sql, at) {
  const here = editor.peek();
  if (!here) return;
  const hint = hintFor(message, sql.slice(start, end));
  const from = Math.max(0, at + (offset >= 0 ? offset : start));
  const to = offset >= 0 ? here.wordEnd(from) : at + end;
  here.setError({ from, to: Math.max(to, from + 1), message: hint ? `${message}\n${hint}` : message });
}

export function stop() {
  running.peek()?.stop();
}

/** Format the selection or everything, which can be undone. */
export async function format() {
  const here = editor.peek();
  if (!here) return;
  const selection = here.selection();
  const text = selection?.text ?? here.text();
  if (!text.trim()) return;
  const { formatDialect, sqlite } = await import('sql-formatter');
  try {
    const made = formatDialect(text, {
      dialect: sqlite,
      keywordCase: 'upper',
      functionCase: 'lower',
      linesBetweenQueries: 1,
    });
    if (selection) here.replace(made, { from: selection.at, to: selection.at + text.length });
    else here.replace(made);
  } catch (error) {
    const place = /line (\d+) column (\d+)/.exec(String(error));
    say(t('format.failed', { where: place ? `${place[1]}:${place[2]}` : '?' }));
  }
}

/**
 * Put a query into a tab of its own, and run it if it is said.
 * @param {string} sql @param {{title?: string, run?: boolean, kind?: 'python', browse?: import('../schema/browse.js').Browse}} [options]
 */
export async function openQuery(sql, { title = '', run: now = false, kind, browse } = {}) {
  const tab = activeTab.peek();
  // an empty tab is as good as a new one
  if (tab && tab.kind === kind && !tab.text.trim()) {
    changeTab(tab.id, { text: sql, title, browse });
    editor.peek()?.replace(sql);
  } else addTab({ text: sql, title, kind, browse });
  await Promise.resolve();
  if (now) await runText(sql, 0);
}

effect(() => {
  // a run that waited for a database that could not be opened waits no more
  if (running.value) waiting.value = false;
});
