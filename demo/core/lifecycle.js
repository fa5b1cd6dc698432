/** From the first paint to a database, and what is said when the page is left. */

import { effect } from '@preact/signals';
import { starters } from '../registry.js';
import { openSampleAs, QUERIES } from '../samples/open.js';
import { setting } from './kept.js';
import { report } from './notices.js';
import { databaseName, inTransaction, names, open, refreshNames } from './session.js';
import { progress, startServiceWorker } from './start.js';
import { language } from './texts.js';
import { openWorkspace, recallQueries } from './workspace.js';

const FIRST = 'music.db';

export async function start() {
  const starter = starters.find(({ accepts }) => accepts());
  if (starter && (await began(starter))) return;
  const name = setting('database') ?? FIRST;
  databaseName.value = name;
  // the editor is there, with what was written last, long before the engine is
  await openWorkspace(name, name === FIRST ? QUERIES.music() : []);
  recallQueries();
  await startServiceWorker();
  await openFirst(name);
}

/** Whether the playground has begun with what the address asks for. @param {import('../registry.js').Starter} starter */
async function began({ start }) {
  recallQueries();
  await startServiceWorker();
  try {
    await refreshNames();
    await start();
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

/** @param {string} name */
async function openFirst(name) {
  progress.value = { stage: 'kernel', percent: progress.peek().percent };
  try {
    await refreshNames();
    if (names.peek().includes(name)) await open(name);
    else if (name === FIRST) await openSampleAs('music', name);
    else {
      // it was deleted elsewhere
      await openSampleAs('music', FIRST);
      await openWorkspace(FIRST, QUERIES.music());
    }
  } catch (error) {
    progress.value = { stage: 'failed', percent: null, error: String(/** @type {any} */ (error)?.message ?? error) };
    report(error);
  }
}

/** Try again what failed. */
export function retry() {
  return openFirst(databaseName.peek() || FIRST);
}

addEventListener('beforeunload', (event) => {
  // a reload would roll the transaction back
  if (inTransaction.peek()) event.preventDefault();
});

effect(() => {
  document.documentElement.lang = language.value;
});
