/** The queries of a database: tabs, which persist, each with the results of its last run. History and saved queries. */

import { batch, computed, signal } from '@preact/signals';
import { keep, keeper, recall } from './kept.js';
import { databaseName } from './session.js';
import { t } from './texts.js';

/**
 * @typedef {object} Tab
 * @property {string} id
 * @property {string} title empty: made of its text
 * @property {string} text
 * @property {'python'} [kind] SQL if nothing else is said
 * @property {boolean} [foreign] it came with a link and was not run yet
 * @property {import('../schema/browse.js').Browse} [browse] what of a table is looked at, if its text was not changed since
 *
 * @typedef {{sql: string, kind?: 'python', at: number, milliseconds: number, failed: boolean, database: string}} Past
 * @typedef {{id: string, title: string, sql: string, kind?: 'python'}} Saved
 */

/** @type {import('@preact/signals').Signal<Tab[]>} */
export const tabs = signal(/** @type {Tab[]} */ ([]));
export const activeId = signal('');
export const activeTab = computed(() => tabs.value.find(({ id }) => id === activeId.value) ?? tabs.value[0]);
/** Whether what is edited is SQL. */
export const isSql = computed(() => !activeTab.value?.kind);
/** The last run of each tab. @type {import('@preact/signals').Signal<Map<string, import('./runner.js').Run>>} */
export const runs = signal(new Map());
export const activeRun = computed(() => runs.value.get(activeTab.value?.id ?? ''));
/** Newest first. @type {import('@preact/signals').Signal<Past[]>} */
export const history = signal(/** @type {Past[]} */ ([]));
/** @type {import('@preact/signals').Signal<Saved[]>} */
export const saved = signal(/** @type {Saved[]} */ ([]));

const HISTORY = 500;
const keepSoon = keeper();
const newId = () => crypto.randomUUID();

/** The tabs of a database, as they were. @param {string} name @param {{title: string, sql: string, kind?: 'python', foreign?: boolean}[]} [first] what a new one begins with */
export async function openWorkspace(name, first = []) {
  const { list, active } = await recall(`tabs ${name}`, { list: /** @type {Tab[]} */ ([]), active: '' });
  const begin = first.map(({ sql, ...rest }) => ({ ...rest, id: newId(), text: sql }));
  const shown = list.length ? list : begin.length ? begin : [{ id: newId(), title: '', text: '' }];
  batch(() => {
    tabs.value = shown;
    activeId.value = shown.some(({ id }) => id === active) ? active : shown[0].id;
    runs.value = new Map();
  });
}

/** What an earlier visit has kept of history and saved queries. */
export async function recallQueries() {
  history.value = [...history.peek(), ...(await recall('history', /** @type {Past[]} */ ([])))];
  saved.value = await recall('saved', /** @type {Saved[]} */ ([]));
}

function keepTabs() {
  const name = databaseName.peek();
  const list = tabs.peek();
  const active = activeId.peek();
  if (name) keepSoon(`tabs ${name}`, () => ({ list, active }));
}

/** @param {Partial<Omit<Tab, 'id'>>} [given] @returns {string} its id */
export function addTab(given = {}) {
  const tab = { title: '', text: '', ...given, id: newId() };
  batch(() => {
    tabs.value = [...tabs.value, tab];
    activeId.value = tab.id;
  });
  keepTabs();
  return tab.id;
}

/** @param {string} id */
export function activate(id) {
  activeId.value = id;
  keepTabs();
}

/** @param {string} id */
export function closeTab(id) {
  const at = tabs.value.findIndex((tab) => tab.id === id);
  if (at < 0) return;
  const left = tabs.value.filter((tab) => tab.id !== id);
  batch(() => {
    tabs.value = left.length ? left : [{ id: newId(), title: '', text: '' }];
    if (activeId.value === id) activeId.value = tabs.value[Math.max(0, at - 1)].id;
    const kept = new Map(runs.value);
    kept.delete(id);
    runs.value = kept;
  });
  keepTabs();
}

/** @param {string} id @param {Partial<Tab>} change */
export function changeTab(id, change) {
  tabs.value = tabs.value.map((tab) => (tab.id === id ? { ...tab, ...change } : tab));
  keepTabs();
}

/** @param {string} id @param {import('./runner.js').Run} run */
export function showRun(id, run) {
  runs.value = new Map(runs.value).set(id, run);
}

/** What a tab is called: its title, or the beginning of its text. @param {Tab} tab */
export function titleOf(tab) {
  const line = tab.text
    .replaceAll(/\/\*[\s\S]*?\*\//g, ' ')
    .split('\n')
    .map((one) => one.replace(/^\s*(--|#)\s*/, '').trim())
    .find(Boolean);
  return tab.title || (line ? line.slice(0, 32) : t('tab.empty'));
}

/** @param {Past} past */
export function remember(past) {
  const rest = history.value.filter(({ sql }) => sql !== past.sql);
  history.value = [past, ...rest].slice(0, HISTORY);
  keepSoon('history', () => history.peek());
}

export function clearHistory() {
  history.value = [];
  keep('history', []);
}

/** @param {string} title @param {string} sql @param {'python'} [kind] */
export function saveQuery(title, sql, kind) {
  saved.value = [...saved.value.filter((one) => one.title !== title), { id: newId(), title, sql, kind }];
  keep('saved', saved.value);
}

/** @param {string} id */
export function removeSaved(id) {
  saved.value = saved.value.filter((one) => one.id !== id);
  keep('saved', saved.value);
}
