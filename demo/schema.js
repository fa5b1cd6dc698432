/** The schema in the sidebar. */

import { element } from './results.js';

const OBJECTS = `SELECT type, name, tbl_name FROM sqlite_schema
  WHERE name NOT LIKE 'sqlite_%' AND type IN ('table', 'view', 'index') ORDER BY name`;

/** @param {string} name */
export function quoted(name) {
  return /^[a-z_]\w*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/**
 * @typedef {{type: string, name: string, columns: {name: string, type: string, pk: number}[], indexes: string[], rows: number | null}} Table
 * @param {import('../web/index.js').Database} db
 * @returns {Promise<Table[]>}
 */
export async function readSchema(db) {
  const objects = /** @type {any[]} */ (await db.all(OBJECTS));
  const tables = objects.filter(({ type }) => type !== 'index');
  return Promise.all(
    tables.map(async ({ type, name }) => {
      const columns = /** @type {any[]} */ (await db.pragma(`table_info(${quoted(name)})`).catch(() => []));
      const counting =
        type === 'table'
          ? db
              .prepare(`SELECT count(*) FROM ${quoted(name)}`)
              .pluck()
              .get()
          : null;
      const rows = /** @type {any} */ (await counting?.catch(() => null)) ?? null;
      const indexes = objects.filter((one) => one.type === 'index' && one.tbl_name === name).map((one) => one.name);
      return { type, name, columns, indexes, rows };
    }),
  );
}

/** @param {HTMLElement} into @param {Table[]} tables @param {(sql: string) => void} onLook */
export function showSchema(into, tables, onLook) {
  const open = new Set(
    [...into.querySelectorAll('details[open]')].map((one) => /** @type {HTMLElement} */ (one).dataset.name),
  );
  if (!tables.length) return into.replaceChildren(element('p', { className: 'empty', textContent: 'No tables yet.' }));
  into.replaceChildren(
    ...tables.map(({ type, name, columns, indexes, rows }) => {
      const size = type === 'view' ? 'view' : (rows?.toLocaleString('en') ?? '');
      const columnItems = columns.map((column) =>
        element(
          'li',
          {},
          element(
            'span',
            { textContent: column.name },
            ...(column.pk ? [element('span', { className: 'key', textContent: 'PK', title: 'primary key' })] : []),
          ),
          element('span', { className: 'type', textContent: column.type }),
        ),
      );
      const indexItems = indexes.map((index) =>
        element('li', { className: 'index', textContent: index, title: 'index' }),
      );
      const look = element('button', { type: 'button', className: 'look', textContent: 'Show rows' });
      look.onclick = () => onLook(`SELECT * FROM ${quoted(name)} LIMIT 1000;`);
      const view = element(
        'details',
        { open: open.has(name) || tables.length <= 4 },
        element(
          'summary',
          {},
          element('span', { textContent: name }),
          element('span', { className: 'count', textContent: size }),
        ),
        element('ul', {}, ...columnItems, ...indexItems),
        look,
      );
      view.dataset.name = name;
      return view;
    }),
  );
}
