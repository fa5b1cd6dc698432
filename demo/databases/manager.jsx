/** The side panel with all databases of this browser: how large they are, and what can be done to them; how much room is left. */

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { remove } from '../../web/index.js';
import { forget, keep, recall } from '../core/kept.js';
import { say, trying } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import {
  changes,
  database,
  databaseName,
  freeName,
  nameProblem,
  names,
  refreshNames,
  withDatabase,
} from '../core/session.js';
import { size, t } from '../core/texts.js';
import { ask } from '../layout/ask.jsx';
import { Icon, Menu } from '../layout/widgets.jsx';
import { addPanel, runCommand } from '../registry.js';
import { mayDelete, mayLeave, switchTo } from './databases.jsx';
import { showSnapshots } from './snapshots.jsx';
import './manager.css';

/** Bytes of each database, as far as they are known. @type {import('@preact/signals').Signal<Map<string, number>>} */
const sizes = signal(new Map());
/** What the browser tells of its storage. @type {import('@preact/signals').Signal<{usage: number, quota: number, persisted: boolean, storage: string} | null>} */
const room = signal(/** @type {any} */ (null));

/** Ask all of them, one after the other: a database is opened for it and closed again. */
async function look() {
  await refreshNames();
  const db = database.peek();
  const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
  const status = db && (await db.status());
  room.value = {
    usage,
    quota,
    persisted: (await navigator.storage?.persisted?.()) ?? false,
    storage: status?.storage ?? '',
  };
  for (const name of names.peek()) {
    const bytes = await trying(() => sizeOf(name));
    if (bytes !== undefined) sizes.value = new Map(sizes.peek()).set(name, bytes);
  }
}

/** @param {string} name */
const sizeOf = (name) => withDatabase(name, bytesOf);

/** @param {import('../core/session.js').Database} db */
async function bytesOf(db) {
  const [pages, bytes] = [
    await db.pragma('page_count', { simple: true }),
    await db.pragma('page_size', { simple: true }),
  ];
  return Number(pages) * Number(bytes);
}

/** A name that is asked for. @param {string} title @param {string} value */
function askName(title, value) {
  const check = (/** @type {string} */ name) =>
    nameProblem(name) ?? (names.peek().includes(name) ? 'name.taken' : null);
  return ask({ title, label: t('name.label'), value, check });
}

/**
 * A copy under another name, with its queries. @param {string} from @param {string} to
 */
async function copy(from, to) {
  await releaseResults();
  await withDatabase(from, (db) => db.backup(to));
  await keep(`tabs ${to}`, await recall(`tabs ${from}`, { list: [], active: '' }));
}

/** @param {string} name */
async function duplicate(name) {
  const to = await askName(t('databases.duplicate'), await freeName(name));
  if (!to) return;
  await copy(name, to);
  await look();
  say(t('databases.duplicated', { name, to }));
}

/** @param {string} name */
async function rename(name) {
  const isOpen = databaseName.peek() === name;
  if (isOpen && !(await mayLeave())) return;
  const to = await askName(t('databases.rename'), name);
  if (!to) return;
  await copy(name, to);
  if (isOpen) await switchTo(to);
  await erase(name);
  await look();
}

/** @param {string} name */
async function erase(name) {
  await remove(name);
  await forget(`tabs ${name}`);
  const rest = new Map(sizes.peek());
  rest.delete(name);
  sizes.value = rest;
}

/** @param {string} name */
async function discard(name) {
  if (databaseName.peek() === name) return runCommand('delete-database');
  if (!(await mayDelete(name))) return;
  await erase(name);
  await look();
  say(t('delete.done', { name }));
}

/** Ask the browser not to delete what is here when the disk gets full. */
async function persist() {
  const persisted = (await navigator.storage?.persist?.()) ?? false;
  room.value = room.peek() && { .../** @type {any} */ (room.peek()), persisted };
  say(t(persisted ? 'databases.persisted' : 'databases.not-persisted'));
}

function Databases() {
  useEffect(() => void trying(look), [changes.value, databaseName.value]);
  return (
    <div class="databases">
      <ul>
        {names.value.map((name) => (
          <li key={name} class={name === databaseName.value ? 'chosen' : ''}>
            <button
              type="button"
              class="quiet"
              aria-current={name === databaseName.value ? 'true' : undefined}
              onClick={() => name !== databaseName.value && trying(() => switchTo(name))}
            >
              <Icon name="database" />
              <span class="text">{name}</span>
              <span class="soft">{sizes.value.has(name) ? size(sizes.value.get(name) ?? 0) : ''}</span>
            </button>
            <Menu label={t('databases.menu', { name })} icon="more" class="quiet square" items={() => entries(name)} />
          </li>
        ))}
      </ul>
      <button type="button" onClick={() => runCommand('new-database')}>
        <Icon name="plus" />
        <span>{t('command.new-database')}</span>
      </button>
      <Room />
    </div>
  );
}

/** @param {string} name */
function entries(name) {
  return [
    { label: t('databases.rename'), icon: 'edit', run: () => trying(() => rename(name)) },
    { label: t('databases.duplicate'), icon: 'copy', run: () => trying(() => duplicate(name)) },
    { label: t('snapshots.menu'), icon: 'camera', run: () => showSnapshots(name) },
    { label: t('databases.delete'), icon: 'trash', run: () => trying(() => discard(name)) },
  ];
}

function Room() {
  const found = room.value;
  if (!found) return null;
  const { usage, quota, persisted, storage } = found;
  const said = t('databases.room', { usage: size(usage), quota: size(quota) });
  return (
    <section class="room" aria-label={t('databases.storage')}>
      <h3>{t('databases.storage')}</h3>
      {quota > 0 && (
        <>
          <meter min={0} max={quota} value={usage} aria-label={said} />
          <p>{said}</p>
        </>
      )}
      {storage && <p>{t(`databases.in-${storage}`)}</p>}
      <p>{t(persisted ? 'databases.is-persisted' : 'databases.may-go')}</p>
      {!persisted && (
        <button type="button" onClick={() => trying(persist)}>
          {t('databases.persist')}
        </button>
      )}
    </section>
  );
}

addPanel({ id: 'databases', icon: 'database', View: Databases, order: 20 });
