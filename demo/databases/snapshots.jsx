/** Snapshots of a database: taken in a moment, whatever its size; looked at, gone back to, forgotten. */

import { useEffect, useState } from 'preact/hooks';
import { say, trying } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import { changes, databaseName, names, open, withDatabase } from '../core/session.js';
import { language, size, t } from '../core/texts.js';
import { openWorkspace } from '../core/workspace.js';
import { confirm } from '../layout/ask.jsx';
import { DialogFrame } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { mayLeave } from './databases.jsx';

/** @typedef {import('../../web/index.js').Snapshot} Snapshot */

/** A name that is free: today and the time. @param {Snapshot[]} taken */
function proposed(taken) {
  const now = new Date();
  const text = `${now.toLocaleDateString('sv')} ${now.toLocaleTimeString('sv')}`;
  return taken.some(({ name }) => name === text) ? `${text}.${now.getMilliseconds()}` : text;
}

/** Read a snapshot, as a database that cannot be changed. @param {string} name @param {string} snapshot */
async function look(name, snapshot) {
  if (!(await mayLeave())) return;
  await open(name, { snapshot });
  databaseName.value = t('snapshots.label', { name, snapshot });
  await openWorkspace(databaseName.peek());
}

/** @param {{props: {name: string}, close: (value?: any) => void}} given */
function Snapshots({ props: { name }, close }) {
  const [taken, setTaken] = useState(/** @type {Snapshot[] | null} */ (null));
  const [free, setFree] = useState('');
  const [typed, setTyped] = useState(/** @type {string | null} */ (null));
  const label = typed ?? free; // what is typed before the list has come stays
  const [problem, setProblem] = useState('');
  const act = async (/** @type {(db: import('../core/session.js').Database) => Promise<unknown>} */ what) => {
    setProblem('');
    try {
      await releaseResults();
      await withDatabase(name, async (db) => {
        await what(db);
        const list = await db.snapshots();
        setTaken(list.reverse());
        setFree(proposed(list));
      });
    } catch (error) {
      setProblem(/** @type {any} */ (error).message);
    }
  };
  useEffect(() => void act(async () => {}), [name]);
  const restore = async (/** @type {Snapshot} */ one) => {
    const text = t('snapshots.restore.text', { name, snapshot: one.name });
    if ((await confirm({ title: t('snapshots.restore'), text, submit: t('snapshots.restore'), danger: true })) !== true)
      return;
    await act((db) => db.restore(one.name));
    changes.value++;
    say(t('snapshots.restored', { name, snapshot: one.name }));
  };
  return (
    <DialogFrame
      title={t('snapshots.title', { name })}
      close={close}
      submit={t('snapshots.take')}
      disabled={!taken || !label.trim() || taken.some((one) => one.name === label.trim())}
      onSubmit={() =>
        act(async (db) => {
          await db.snapshot(label.trim());
          setTyped(null);
        })
      }
    >
      <p class="soft">{t('snapshots.about')}</p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <ul class="snapshots">
        {taken?.map((one) => (
          <li key={one.name}>
            <span>
              <strong>{one.name}</strong>
              <small class="soft">
                {one.time.toLocaleString(language.value)} · {size(one.size)}
              </small>
            </span>
            <button type="button" onClick={() => close(one.name)} aria-label={`${t('snapshots.look')}: ${one.name}`}>
              {t('snapshots.look')}
            </button>
            <button type="button" onClick={() => restore(one)} aria-label={`${t('snapshots.restore')}: ${one.name}`}>
              {t('snapshots.restore')}
            </button>
            <button
              type="button"
              class="quiet"
              onClick={() => act((db) => db.dropSnapshot(one.name))}
              aria-label={`${t('snapshots.forget')}: ${one.name}`}
            >
              {t('snapshots.forget')}
            </button>
          </li>
        ))}
      </ul>
      {taken?.length === 0 && <p>{t('snapshots.none')}</p>}
      <label class="field">
        <span>{t('snapshots.name')}</span>
        <input type="text" autocomplete="off" value={label} onInput={(event) => setTyped(event.currentTarget.value)} />
      </label>
    </DialogFrame>
  );
}

/** @param {string} name */
export async function showSnapshots(name) {
  const chosen = await openDialog('snapshots', { name });
  if (chosen) await trying(() => look(name, chosen));
}

addDialog({ id: 'snapshots', View: Snapshots });
addCommand({
  id: 'snapshots',
  group: 'database',
  icon: 'camera',
  menu: true,
  enabled: () => names.value.includes(databaseName.value),
  run: () => showSnapshots(databaseName.peek()),
});
