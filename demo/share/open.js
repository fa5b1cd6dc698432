/** The page's address says what to open: a shared database with its queries, a query on a sample or on a file of a web server's. */

import { signal } from '@preact/signals';
import { forget } from '../core/kept.js';
import { report, say } from '../core/notices.js';
import { databaseName, open } from '../core/session.js';
import { t } from '../core/texts.js';
import { openWorkspace } from '../core/workspace.js';
import { runText } from '../editor/query.js';
import { addStarter, runCommand } from '../registry.js';
import { QUERIES, sampleFile } from '../samples/open.js';
import './embedded.css';
import { readFragment } from './link.js';

/** What the database of a link was called where it was made. */
export const sharedName = signal('');

const embedded = new URLSearchParams(location.search).has('embedded');
document.documentElement.classList.toggle('embedded', embedded);

addStarter({
  id: 'link',
  accepts: () => /^#(share|sql|sample|db)=/.test(location.hash),
  start: openLink,
});

// a link that is followed while the playground is open
addEventListener('hashchange', () => {
  if (/^#(share|sql|sample|db)=/.test(location.hash)) openLink().catch(report);
});

/**
 * Open what the address says, in memory; the address forgets it, so that a reload does not undo what was done since.
 * @throws {Error} when the link is damaged, or names what there is not
 */
export async function openLink() {
  const found = await readFragment(location.hash);
  if (!found) return;
  const { name, queries, database } =
    'shared' in found ? { ...found.shared, database: found.database } : await named(found);
  if (database instanceof URL) await open(database);
  else await open(':memory:', {}, async (db) => database && db.import(database));
  // under a name that no database has: the tabs of one that is called so stay as they are
  databaseName.value = t('shared.label', { name });
  sharedName.value = name;
  await forget(`tabs ${databaseName.peek()}`);
  await openWorkspace(
    databaseName.peek(),
    queries.map((query) => ({ ...query, foreign: true })),
  );
  if (!embedded) history.replaceState(null, '', location.pathname + location.search);
  if (!(database instanceof URL)) {
    if (!embedded) say(t('shared.opened'), { label: t('shared.keep'), run: () => runCommand('keep-shared') });
    if (queries[0]?.sql.trim() && !queries[0].kind) await runText(queries[0].sql, 0);
  }
}

/** @param {{sql: string, sample: string | null, db: string | null}} given */
async function named({ sql, sample, db }) {
  if (db) return { name: db, queries: [{ title: '', sql }], database: new URL(db, location.href) };
  if (!sample) return { name: 'link', queries: [{ title: '', sql }], database: null };
  if (!Object.hasOwn(QUERIES, sample))
    throw new Error(`there is no sample "${sample}": ${Object.keys(QUERIES).join(', ')}`);
  const queries = sql.trim() ? [{ title: '', sql }] : QUERIES[sample]();
  return { name: sample, queries, database: await sampleFile(sample) };
}
