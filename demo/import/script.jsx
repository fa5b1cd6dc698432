/** Files of SQL: run in the database that is open, or in a new one, piece by piece. */

import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { report, say } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import { changes, database, databaseName, freeName, inTransaction } from '../core/session.js';
import { statements } from '../core/sql.js';
import { number, t } from '../core/texts.js';
import { mayLeave, switchTo } from '../databases/databases.jsx';
import { DialogFrame } from '../layout/widgets.jsx';
import { addDialog, addOpener, openDialog } from '../registry.js';
import { encodingOf, textOf } from './encoding.js';

/** Statements that are sent at once. */
const AT_ONCE = 500;

/** @typedef {{file: File, script: string, all: import('../core/sql.js').Statement[], fresh: string}} Props */

/** @param {{props: Props, close: (value?: any) => void}} given */
function ScriptDialog({ props: { file, script, all, fresh }, close }) {
  const [where, setWhere] = useState('new');
  const [stopper, setStopper] = useState(/** @type {AbortController | null} */ (null));
  const [done] = useState(() => signal(0));
  const run = async () => {
    const stop = new AbortController();
    setStopper(stop);
    try {
      if (where === 'new') await switchTo(fresh);
      if (where === 'new' && databaseName.peek() !== fresh) return setStopper(null);
      const count = await runStatements(script, all, stop.signal, done);
      close();
      say(t('script.done', { count: number(count), name: file.name }));
    } catch (error) {
      close();
      if (stop.signal.aborted) say(t('script.stopped', { count: number(done.peek()) }));
      else report(placed(error, script));
    } finally {
      inTransaction.value = database.peek()?.inTransaction ?? false;
      changes.value++;
    }
  };
  const percent = Math.floor((100 * done.value) / Math.max(1, all.length));
  return (
    <DialogFrame
      title={t('script.title', { name: file.name })}
      close={() => (stopper ? stopper.abort() : close())}
      submit={t('script.run')}
      disabled={Boolean(stopper) || !all.length}
      onSubmit={run}
    >
      <p>{t('script.about', { count: number(all.length) })}</p>
      <fieldset class="choices" disabled={Boolean(stopper)}>
        {['new', 'here'].map((one) => (
          <label key={one} class="check">
            <input type="radio" name="where" value={one} checked={where === one} onChange={() => setWhere(one)} />
            <span>{t(`script.${one}`, { name: one === 'new' ? fresh : databaseName.value })}</span>
          </label>
        ))}
      </fieldset>
      {stopper && (
        <div class="import-progress">
          <progress max={100} value={percent} aria-label={t('script.busy', { percent })} />
          <span role="status">{t('script.busy', { percent })}</span>
          <button type="button" onClick={() => stopper.abort()}>
            {t('import.stop')}
          </button>
        </div>
      )}
    </DialogFrame>
  );
}

/**
 * @param {string} script @param {Props['all']} all @param {AbortSignal} signal @param {import('@preact/signals').Signal<number>} done
 * @returns {Promise<number>} statements
 * @throws {Error} of the statement that failed, with `at`, where it is in the script; those before it stay done
 */
async function runStatements(script, all, signal, done) {
  const db = /** @type {import('../core/session.js').Database} */ (database.peek());
  await releaseResults();
  for (let i = 0; i < all.length; i += AT_ONCE) {
    signal.throwIfAborted();
    const some = all.slice(i, i + AT_ONCE);
    const start = some[0].start;
    const { results, error } = await db.script(script.slice(start, some[some.length - 1].end), { limit: 0, signal });
    done.value = i + results.length;
    if (error) throw Object.assign(error, { at: all[done.peek()]?.start ?? start });
  }
  return all.length;
}

/** An error with the line of the script that it is about. @param {any} error @param {string} script */
function placed(error, script) {
  if (typeof error?.at !== 'number') return error;
  const line = script.slice(0, error.at).split('\n').length;
  return t('script.failed', { line: number(line), message: error.message });
}

addDialog({ id: 'script', View: ScriptDialog });
addOpener({
  id: 'script',
  extensions: '.sql',
  accepts: (file) => file.name.toLowerCase().endsWith('.sql'),
  open: openScript,
});

/** Ask where a script is to be run, and run it. @param {File} file */
export async function openScript(file) {
  if (!(await mayLeave())) return;
  let script = '';
  for await (const { text } of textOf(file, await encodingOf(file))) script += text;
  script = script.replace(/^\ufeff/, '');
  const fresh = await freeName(file.name.replace(/\.sql$/i, '.db').replaceAll(/[/\\\p{Cc}]/gu, '_'));
  await openDialog('script', { file, script, all: statements(script), fresh });
}
