/** The table browser: a form above the query that filters and orders the rows of a table. It writes the query, so that it can be read and gone on with. */

import { useEffect, useState } from 'preact/hooks';
import { running } from '../core/runner.js';
import { tableNamed } from '../core/schema.js';
import { t } from '../core/texts.js';
import { changeTab } from '../core/workspace.js';
import { editor, runText } from '../editor/query.js';
import { Icon } from '../layout/widgets.jsx';
import { addEditorBar } from '../registry.js';
import { OPERATORS, sqlOf } from './browse.js';
import './browse.css';

/** How long somebody types before the rows are asked for. */
const PAUSE = 400;

/** @typedef {import('./browse.js').Browse} Browse */

/** @param {{tab: import('../core/workspace.js').Tab}} props */
function BrowseBar({ tab }) {
  const browse = /** @type {Browse} */ (tab.browse);
  const columns = tableNamed(browse.table)?.columns ?? [];
  const [asked, ask] = useState('');
  const change = (/** @type {Partial<Browse>} */ part) => {
    const next = { ...browse, ...part };
    const text = sqlOf(next, columns);
    if (text === tab.text) return changeTab(tab.id, { browse: next });
    changeTab(tab.id, { browse: next, text });
    editor.peek()?.replace(text);
    ask(text);
  };
  useEffect(() => {
    if (!asked) return;
    const timer = setTimeout(() => {
      if (running.peek()) return ask(`${asked} `);
      runText(asked.trim(), 0);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [asked]);
  const setFilter = (/** @type {number} */ at, /** @type {Partial<import('./browse.js').Filter>} */ part) =>
    change({ filters: browse.filters.map((filter, i) => (i === at ? { ...filter, ...part } : filter)) });
  const options = (/** @type {string} */ chosen) =>
    columns.map(({ name }) => (
      <option key={name} value={name} selected={name === chosen}>
        {name}
      </option>
    ));
  return (
    <div class="browse" role="group" aria-label={t('browse.label', { name: browse.table })}>
      {browse.filters.map((filter, i) => (
        <div key={i} class="browse-filter">
          <select
            aria-label={t('statistics.column')}
            value={filter.column}
            onChange={(event) => setFilter(i, { column: event.currentTarget.value })}
          >
            {options(filter.column)}
          </select>
          <select
            aria-label={t('browse.operator')}
            value={filter.operator}
            onChange={(event) => setFilter(i, { operator: /** @type {any} */ (event.currentTarget.value) })}
          >
            {Object.keys(OPERATORS).map((operator) => (
              <option key={operator} value={operator} selected={operator === filter.operator}>
                {/^\w/.test(operator) ? t(`browse.${operator.replace(' ', '-')}`) : operator}
              </option>
            ))}
          </select>
          {OPERATORS[filter.operator] && (
            <input
              type="text"
              autocomplete="off"
              aria-label={t('edit.value')}
              value={filter.value}
              onInput={(event) => setFilter(i, { value: event.currentTarget.value })}
            />
          )}
          <button
            type="button"
            class="quiet square"
            aria-label={t('browse.remove', { column: filter.column })}
            onClick={() => change({ filters: browse.filters.filter((_, n) => n !== i) })}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      <button
        type="button"
        class="quiet"
        data-browse="add"
        onClick={() =>
          change({ filters: [...browse.filters, { column: columns[0]?.name ?? '', operator: 'contains', value: '' }] })
        }
      >
        <Icon name="filter" />
        <span>{t('browse.add')}</span>
      </button>
      <label>
        <span>{t('browse.order')}</span>
        <select
          data-browse="order"
          value={browse.order}
          onChange={(event) => change({ order: event.currentTarget.value })}
        >
          <option value="" selected={!browse.order}>
            {t('chart.none')}
          </option>
          {options(browse.order)}
        </select>
      </label>
      {browse.order && (
        <button type="button" class="quiet" aria-pressed={browse.down} onClick={() => change({ down: !browse.down })}>
          {t('browse.down')}
        </button>
      )}
    </div>
  );
}

addEditorBar({
  id: 'browse',
  // whoever writes another query into the tab has left the browser
  applies: (tab) => {
    const columns = tab.browse && tableNamed(tab.browse.table)?.columns;
    return Boolean(tab.browse && columns && sqlOf(tab.browse, columns) === tab.text);
  },
  View: BrowseBar,
});
