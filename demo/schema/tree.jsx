/** The schema: tables, views, their columns, indexes, triggers. */

import { useState } from 'preact/hooks';
import { report } from '../core/notices.js';
import { refreshSchema, rowCounts, schema } from '../core/schema.js';
import { database, occupation } from '../core/session.js';
import { quoted } from '../core/sql.js';
import { number, t } from '../core/texts.js';
import { editor, openQuery } from '../editor/query.js';
import { Icon, Menu } from '../layout/widgets.jsx';
import { addCommand, addPanel, openDialog } from '../registry.js';
import { sqlOf } from './browse.js';

/** @param {import('../core/schema.js').Table} table */
function countOf(table) {
  const counted = rowCounts.value.get(table.name);
  if (!counted) return '';
  return counted.more ? `≈ ${short(counted.rows)}` : number(counted.rows);
}

/** @param {number} rows */
function short(rows) {
  return new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 }).format(rows);
}

/** Look at the rows of a table, in the table browser. @param {string} name */
export function showRows(name) {
  const browse = { table: name, filters: [], order: '', down: false };
  return openQuery(sqlOf(browse, []), { title: name, run: true, browse });
}

/** What a table's menu offers; others may add to it. @type {((table: import('../core/schema.js').Table) => any[])[]} */
export const tableActions = [
  (table) => [
    { label: t('table.rows'), icon: 'table', run: () => showRows(table.name) },
    { label: t('table.ddl'), icon: 'code', run: () => openDialog('ddl', { title: table.name, sql: ddlOf(table) }) },
    { label: t('table.name'), icon: 'copy', run: () => editor.peek()?.insert(quoted(table.name)) },
  ],
];

/** A table with all that belongs to it, as SQL. @param {import('../core/schema.js').Table} table */
export function ddlOf(table) {
  const parts = [table.sql, ...table.indexes.map(({ sql }) => sql), ...table.triggers.map(({ sql }) => sql)];
  return parts
    .filter(Boolean)
    .map((sql) => `${sql};`)
    .join('\n\n');
}

/** @param {{table: import('../core/schema.js').Table, open: boolean, toggle: () => void}} props */
function TableItem({ table, open, toggle }) {
  const keys = new Map(table.foreignKeys.map((key) => [key.column.toLowerCase(), key]));
  const count = countOf(table);
  return (
    <li class="table-item">
      <div class="row">
        <button type="button" class="name" aria-expanded={open} onClick={toggle} title={table.name}>
          <span class={`twist ${open ? 'open' : ''}`} aria-hidden="true" />
          <Icon name={table.type === 'view' ? 'view' : 'table'} />
          <span class="text">{table.name}</span>
          {count && (
            <small class="count" title={count.startsWith('≈') ? t('count.about') : t('count.rows', { rows: count })}>
              {count}
            </small>
          )}
        </button>
        <Menu
          label={t('table.menu', { name: table.name })}
          icon="more"
          class="quiet square"
          items={() => tableActions.flatMap((one) => one(table))}
        />
      </div>
      {open && (
        <div class="inside">
          <ul class="columns">
            {table.columns.map((column) => {
              const key = keys.get(column.name.toLowerCase());
              return (
                <li key={column.name}>
                  <button
                    type="button"
                    class="column"
                    title={t('column.insert', { name: column.name })}
                    onClick={() => editor.peek()?.insert(quoted(column.name))}
                  >
                    <span class="text">{column.name}</span>
                    {column.key > 0 && <abbr title={t('key.primary')}>PK</abbr>}
                    {key && <abbr title={t('key.foreign', { table: key.table, column: key.to ?? '' })}>FK</abbr>}
                    {column.notNull && !column.key && <abbr title={t('key.not-null')}>NN</abbr>}
                    {column.hidden > 1 && <abbr title={t('key.generated')}>=</abbr>}
                    <small class="type">{column.type.toLowerCase()}</small>
                  </button>
                </li>
              );
            })}
          </ul>
          {table.indexes.length + table.triggers.length > 0 && (
            <ul class="parts">
              {table.indexes.map((index) => (
                <li key={index.name} title={t(index.unique ? 'index.unique' : 'index')}>
                  <Icon name="index" />
                  <span class="text">{index.name}</span>
                  <small>({index.columns.join(', ')})</small>
                </li>
              ))}
              {table.triggers.map((trigger) => (
                <li key={trigger.name} title={t('trigger')}>
                  <Icon name="trigger" />
                  <span class="text">{trigger.name}</span>
                </li>
              ))}
            </ul>
          )}
          <button type="button" class="quiet look" onClick={() => showRows(table.name)}>
            {t('table.rows')}
          </button>
        </div>
      )}
    </li>
  );
}

function Tree() {
  const [open, setOpen] = useState(/** @type {Set<string>} */ (new Set()));
  const [filter, setFilter] = useState('');
  const { tables, error, known } = schema.value;
  if (error) {
    return (
      <div class="problem">
        <p>{t('schema.broken', { why: error })}</p>
        <button type="button" onClick={() => refreshSchema().catch(report)}>
          {t('start.retry')}
        </button>
      </div>
    );
  }
  if (occupation.value) return <p class="empty busy">{occupation.value}</p>;
  if (!database.value || !known) return <p class="empty busy">{t('schema.loading')}</p>;
  const word = filter.toLowerCase();
  const shown = tables.filter(
    (table) =>
      !word ||
      table.name.toLowerCase().includes(word) ||
      table.columns.some(({ name }) => name.toLowerCase().includes(word)),
  );
  const toggle = (/** @type {string} */ name) => {
    const next = new Set(open);
    if (!next.delete(name)) next.add(name);
    setOpen(next);
  };
  return (
    <>
      {tables.length > 8 && (
        <div class="search">
          <Icon name="search" />
          <input
            type="search"
            aria-label={t('schema.search')}
            placeholder={t('schema.search')}
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </div>
      )}
      {!tables.length && <p class="empty">{t('schema.empty')}</p>}
      {['table', 'virtual', 'view', 'shadow'].map((type) => {
        const here = shown.filter((table) => table.type === type);
        return here.length ? (
          <section key={type} class="kind">
            <h3>
              {t(`schema.${type}`)} <small>{here.length}</small>
            </h3>
            <ul class="tables">
              {here.map((table) => (
                <TableItem
                  key={table.name}
                  table={table}
                  open={open.has(table.name)}
                  toggle={() => toggle(table.name)}
                />
              ))}
            </ul>
          </section>
        ) : null;
      })}
    </>
  );
}

addPanel({ id: 'schema', icon: 'table', View: Tree, order: 10 });
addCommand({
  id: 'refresh-schema',
  group: 'database',
  run: () => refreshSchema().catch(report),
  enabled: () => database.value !== null,
});
