/** A result set as a grid: sort, filter, selection, copy. */

import { useMemo, useState } from 'preact/hooks';
import { say, trying } from '../core/notices.js';
import { running } from '../core/runner.js';
import { duration, number, t } from '../core/texts.js';
import { Icon, Menu } from '../layout/widgets.jsx';
import { addCommand, addResultView, openDialog } from '../registry.js';
import { editCell, undoable, undoEdit } from './edit.js';
import { FORMATS } from './formats.js';
import { Grid } from './Grid.jsx';
import { shownRows } from './rows.js';

/** The selection of the grid that was used last: what is copied. @type {{columns: string[], rows: any[][], table: string, isCell: boolean} | null} */
let selected = null;

/** @param {keyof typeof FORMATS} format @param {typeof selected} what */
async function copy(format, what) {
  if (!what?.rows.length) return;
  await trying(async () => {
    const plain = format === 'tsv' && what.isCell;
    const { plainText } = await import('./values.js');
    await navigator.clipboard.writeText(
      plain ? plainText(what.rows[0][0]) : FORMATS[format](what.columns, what.rows, what.table),
    );
    say(plain ? t('copy.cell') : t('copy.done', { rows: number(what.rows.length), format: t(`format.${format}`) }));
  });
}

/** @param {{set: import('../core/results.js').ResultSet}} props */
function GridView({ set }) {
  const [order, setOrder] = useState(/** @type {import('./rows.js').Order} */ (null));
  const [filter, setFilter] = useState('');
  const [range, setRange] = useState(/** @type {any} */ (null));
  const version = set.version.value;
  const names = useMemo(() => set.columns.map(({ name }) => name), [set]);
  const shown = useMemo(() => shownRows(set.rows, order, filter, names), [set, version, order, filter]);
  const count = shown ? shown.length : set.rows.length;
  const rowAt = (/** @type {number} */ row) => (shown ? shown[row] : row);
  const state = set.state.value;
  const table = set.columns.find((column) => column.table)?.table ?? 'result';

  const select = (/** @type {any} */ next) => {
    setRange(next);
    if (!next) return;
    const { top, bottom, left, right } = next;
    selected = {
      columns: names.slice(left, right + 1),
      get rows() {
        return Array.from(
          { length: bottom - top + 1 },
          (_, i) => set.rows[rowAt(top + i)]?.slice(left, right + 1) ?? [],
        );
      },
      table,
      isCell: top === bottom && left === right,
    };
  };
  const everything = () => ({
    columns: names,
    rows: shown ? Array.from(shown, (row) => set.rows[row]) : set.rows,
    table,
    isCell: false,
  });
  const chosen = () => (range && !selected?.isCell ? selected : everything());
  const sort = (/** @type {number} */ column) => {
    setOrder(order?.column !== column ? { column, down: false } : order.down ? null : { column, down: true });
    // what is not there yet cannot be in its place
    if (set.state.peek() === 'more') set.more(1_000_000);
  };
  const open = (/** @type {{row: number, column: number}} */ cell) =>
    openDialog('value', { set, row: rowAt(cell.row), column: cell.column });
  const edit = (/** @type {{row: number, column: number}} */ cell) =>
    trying(() => editCell(set, rowAt(cell.row), cell.column));
  return (
    <div class="grid-view">
      <div class="result-bar">
        <span class="facts" role="status">
          {shown
            ? t('rows.of', { shown: number(count), rows: rowsText(set.rows.length, state) })
            : t(set.rows.length === 1 && state === 'all' ? 'rows.one' : 'rows', {
                rows: rowsText(set.rows.length, state),
              })}
          <span class="soft"> · {duration(set.milliseconds)}</span>
        </span>
        {state === 'more' && (
          <button type="button" class="quiet" onClick={() => set.more(1_000_000)}>
            {t('rows.all')}
          </button>
        )}
        {state === 'loading' && set.rows.length > 0 && <span class="soft">{t('rows.loading')}</span>}
        {state === 'cut' && (
          <span class="soft" title={t('rows.cut.why')}>
            {t('rows.cut')}
          </span>
        )}
        <span class="spread" />
        {undoable.value && (
          <button type="button" class="quiet" onClick={() => trying(undoEdit)} title={undoable.value.sql}>
            <Icon name="undo" />
            <span>{t('edit.undo')}</span>
          </button>
        )}
        <label class="filter">
          <Icon name="filter" />
          <span class="sr-only">{t('filter')}</span>
          <input
            type="search"
            placeholder={t('filter')}
            title={t('filter.how')}
            value={filter}
            onInput={(event) => {
              setFilter(event.currentTarget.value);
              if (set.state.peek() === 'more') set.more(1_000_000);
            }}
          />
        </label>
        <Menu
          label={t('copy')}
          icon="copy"
          class="quiet square"
          items={() =>
            Object.keys(FORMATS).map((format) => ({
              label: t('copy.as', { format: t(`format.${format}`) }),
              run: () => copy(/** @type {any} */ (format), chosen()),
            }))
          }
        />
      </div>
      {set.error.value && (
        <p class="problem" role="alert">
          {set.error.value.message}
        </p>
      )}
      <Grid
        set={set}
        version={version}
        shown={shown}
        order={order}
        onSort={sort}
        onOpen={open}
        onEdit={edit}
        onSelect={select}
        label={t('grid.label', { rows: number(count), columns: number(names.length) })}
        onKey={(event) => {
          if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'c' && !event.shiftKey) {
            copy('tsv', selected);
            event.preventDefault();
            return true;
          }
          return false;
        }}
      />
      {count === 0 && state === 'all' && <p class="empty">{t(set.rows.length ? 'rows.none-match' : 'rows.none')}</p>}
    </div>
  );
}

/** @param {number} count @param {string} state */
const rowsText = (count, state) => number(count) + (state === 'all' ? '' : '+');

addResultView({ id: 'grid', applies: () => true, View: GridView, order: 10 });
addCommand({
  id: 'copy-csv',
  group: 'result',
  keys: ['Mod-Shift-c'],
  icon: 'copy',
  run: () => copy('csv', selected),
  enabled: () => !running.value && selected !== null,
});
addCommand({
  id: 'copy-markdown',
  group: 'result',
  icon: 'copy',
  run: () => copy('markdown', selected),
  enabled: () => selected !== null,
});
