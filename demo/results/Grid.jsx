/**
 * The grid: only the rows and columns in sight are elements.
 *
 * Rows have one height, so which are in sight is arithmetic. Browsers end elements at some ten million pixels: beyond it the scroll bar is a scale,
 * and rows are placed around what is in sight (docs/decisions/0085).
 */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { number, t } from '../core/texts.js';
import { cellText, isJson, typeOf } from './values.js';

const ROW = 26;
const TALLEST = 8_000_000;
const OVERSCAN = 8;

/**
 * @typedef {{row: number, column: number}} Cell position among the rows that are shown
 * @typedef {object} Props
 * @property {import('../core/results.js').ResultSet} set
 * @property {number} version of its rows
 * @property {Uint32Array | null} shown positions of the rows that are shown; null: all
 * @property {import('./rows.js').Order} order
 * @property {(column: number) => void} onSort
 * @property {(cell: Cell) => void} onOpen
 * @property {(cell: Cell) => void} onEdit
 * @property {(range: {top: number, bottom: number, left: number, right: number} | null) => void} onSelect
 * @property {(event: KeyboardEvent) => boolean} onKey
 * @property {string} label
 */

/** Widths that fit the names and the first rows. @param {import('../core/results.js').ResultSet} set */
function firstWidths(set) {
  return set.columns.map(({ name }, column) => {
    let longest = width(name) + badge(set, column).length * 0.8 + 3;
    for (let i = 0; i < Math.min(60, set.rows.length); i++)
      longest = Math.max(longest, width(cellText(set.rows[i][column])) + 1);
    return Math.round(Math.min(380, Math.max(64, longest * 7.6 + 18)));
  });
}

/** Where columns begin, and where the last one ends. @param {number[]} widths */
function leftsOf(widths) {
  const lefts = [0];
  for (const one of widths) lefts.push(lefts[lefts.length - 1] + one);
  return lefts;
}

/** Columns of a terminal: full-width characters take two. @param {string} text */
function width(text) {
  let sum = 0;
  for (const character of text.slice(0, 60)) sum += (character.codePointAt(0) ?? 0) > 0x2e7f ? 2 : 1;
  return sum;
}

/** @param {Props} props */
export function Grid({ set, version, shown, order, onSort, onOpen, onEdit, onSelect, onKey, label }) {
  const count = shown ? shown.length : set.rows.length;
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, setView] = useState({ top: 0, left: 0, height: 400, width: 800 });
  const [widths, setWidths] = useState(() => firstWidths(set));
  const [focus, setFocus] = useState(/** @type {Cell} */ ({ row: 0, column: 0 }));
  const [anchor, setAnchor] = useState(/** @type {Cell | null} */ (null));
  const gutter = Math.max(44, String(set.rows.length).length * 8 + 22);
  const lefts = useMemo(() => leftsOf(widths), [widths]);
  const total = lefts[lefts.length - 1] ?? 0;

  const whole = count * ROW;
  const height = Math.min(whole, TALLEST);
  const room = Math.max(1, height - (view.height - ROW));
  // where the first row in sight is, in pixels of the unscaled grid
  const offset = whole > TALLEST ? (view.top / room) * (whole - (view.height - ROW)) : view.top;
  const first = Math.max(0, Math.floor(offset / ROW) - OVERSCAN);
  const last = Math.min(count, Math.ceil((offset + view.height) / ROW) + OVERSCAN);
  const from = Math.max(0, lefts.findIndex((left) => left > view.left) - 1);
  const beyond = lefts.findIndex((left) => left > view.left + view.width);
  const to = beyond < 0 ? widths.length : beyond;

  useEffect(() => {
    const element = /** @type {HTMLDivElement} */ (scroller.current);
    const read = () =>
      setView({
        top: element.scrollTop,
        left: element.scrollLeft,
        height: element.clientHeight,
        width: element.clientWidth - gutter,
      });
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    read();
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, [gutter]);

  // who scrolls near the end wants more
  useEffect(() => {
    if (count > 0 && last >= count - 50 && view.top > 0) set.more();
  }, [last, count, version]);

  // before the next key: what is copied is what is seen
  useLayoutEffect(() => {
    const a = anchor ?? focus;
    onSelect(
      count
        ? {
            top: Math.min(a.row, focus.row),
            bottom: Math.max(a.row, focus.row),
            left: Math.min(a.column, focus.column),
            right: Math.max(a.column, focus.column),
          }
        : null,
    );
  }, [focus, anchor, count, shown]);

  /** @param {Cell} cell */
  const reveal = ({ row, column }) => {
    const element = /** @type {HTMLDivElement} */ (scroller.current);
    const body = view.height - ROW;
    const top = row * ROW;
    if (top < offset || top + ROW > offset + body) {
      const wanted = Math.max(0, top < offset ? top : top + ROW - body);
      element.scrollTop = whole > TALLEST ? (wanted / (whole - body)) * room : wanted;
    }
    if (lefts[column] < view.left) element.scrollLeft = lefts[column];
    else if (lefts[column + 1] > view.left + view.width)
      element.scrollLeft = Math.min(lefts[column], lefts[column + 1] - view.width);
  };

  /** @param {Cell} cell @param {boolean} extend */
  const go = (cell, extend) => {
    const bounded = {
      row: Math.max(0, Math.min(count - 1, cell.row)),
      column: Math.max(0, Math.min(widths.length - 1, cell.column)),
    };
    setAnchor(extend ? (anchor ?? focus) : null);
    setFocus(bounded);
    reveal(bounded);
  };

  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    if (!count || onKey(event)) return;
    const { row, column } = focus;
    const page = Math.max(1, Math.floor(view.height / ROW) - 2);
    const far = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowDown: { row: far ? count - 1 : row + 1, column },
      ArrowUp: { row: far ? 0 : row - 1, column },
      ArrowRight: { row, column: far ? widths.length - 1 : column + 1 },
      ArrowLeft: { row, column: far ? 0 : column - 1 },
      PageDown: { row: row + page, column },
      PageUp: { row: row - page, column },
      Home: { row: far ? 0 : row, column: 0 },
      End: { row: far ? count - 1 : row, column: widths.length - 1 },
    };
    const next = /** @type {Record<string, Cell>} */ (moves)[event.key];
    if (next) go(next, event.shiftKey);
    else if (event.key === 'Enter' || event.key === ' ') onOpen(focus);
    else if (event.key === 'F2') onEdit(focus);
    else if (far && event.key.toLowerCase() === 'a') {
      setAnchor({ row: 0, column: 0 });
      setFocus({ row: count - 1, column: widths.length - 1 });
    } else return;
    event.preventDefault();
  };

  /** @param {PointerEvent} event @param {Cell} cell */
  const press = (event, cell) => {
    if (event.button !== 0) return;
    go(cell, event.shiftKey);
    if (event.pointerType !== 'mouse') return;
    const dragged = (/** @type {PointerEvent} */ moved) => {
      const under = /** @type {HTMLElement | null} */ (
        document.elementFromPoint(moved.clientX, moved.clientY)?.closest('[data-cell]')
      );
      if (!under || !scroller.current?.contains(under)) return;
      const [row, column] = (under.dataset.cell ?? '').split(' ').map(Number);
      setAnchor(cell);
      setFocus({ row, column });
    };
    addEventListener('pointermove', dragged);
    addEventListener('pointerup', () => removeEventListener('pointermove', dragged), { once: true });
  };

  useLayoutEffect(() => {
    if (focus.row >= count) setFocus({ row: Math.max(0, count - 1), column: focus.column });
  }, [count]);

  const a = anchor ?? focus;
  const isSelected = (/** @type {number} */ row, /** @type {number} */ column) =>
    row >= Math.min(a.row, focus.row) &&
    row <= Math.max(a.row, focus.row) &&
    column >= Math.min(a.column, focus.column) &&
    column <= Math.max(a.column, focus.column);
  const columns = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  const rows = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
  const shift = whole > TALLEST ? view.top - offset : 0;
  return (
    <div
      ref={scroller}
      class="grid"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={count + 1}
      aria-colcount={widths.length}
      aria-activedescendant={count ? `${set.id}-${focus.row}-${focus.column}` : undefined}
      aria-multiselectable="true"
      onKeyDown={keys}
    >
      <div class="grid-head" role="row" aria-rowindex={1} style={{ width: `${total + gutter}px` }}>
        <div class="gutter" role="columnheader" style={{ width: `${gutter}px` }}>
          <span class="sr-only">{t('grid.row')}</span>
        </div>
        {columns.map((column) => (
          <Header
            key={column}
            set={set}
            column={column}
            left={lefts[column] + gutter}
            width={widths[column]}
            order={order}
            onSort={onSort}
            onWidth={(one) => setWidths(widths.with(column, Math.max(36, one)))}
          />
        ))}
      </div>
      <div class="grid-body" role="rowgroup" style={{ height: `${height}px`, width: `${total + gutter}px` }}>
        {rows.map((row) => {
          const values = set.rows[shown ? shown[row] : row];
          return (
            <div
              key={row}
              class={`grid-row${row % 2 ? ' odd' : ''}`}
              role="row"
              aria-rowindex={row + 2}
              style={{ transform: `translateY(${row * ROW + shift}px)` }}
            >
              <div class="gutter" role="rowheader" style={{ width: `${gutter}px` }}>
                {number(row + 1)}
              </div>
              {columns.map((column) => {
                const value = values?.[column] ?? null;
                const type = typeOf(value);
                const current = focus.row === row && focus.column === column;
                return (
                  <div
                    key={column}
                    id={`${set.id}-${row}-${column}`}
                    class={`cell ${type}${isSelected(row, column) ? ' selected' : ''}${current ? ' current' : ''}`}
                    role="gridcell"
                    aria-colindex={column + 1}
                    aria-selected={isSelected(row, column)}
                    data-cell={`${row} ${column}`}
                    style={{ left: `${lefts[column] + gutter}px`, width: `${widths[column]}px` }}
                    onPointerDown={(event) => press(event, { row, column })}
                    onDblClick={() => onOpen({ row, column })}
                  >
                    {type === 'text' && isJson(value) ? <span class="mark">{'{}'}</span> : null}
                    {cellText(value)}
                  </div>
                );
              })}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** The short name of a column's type, as it was declared or as its values are. @param {import('../core/results.js').ResultSet} set @param {number} column */
function badge(set, column) {
  const declared = set.columns[column].type;
  if (declared) return declared.toLowerCase().replace(/\(.*$/, '');
  const found = set.rows.slice(0, 20).find((row) => row[column] !== null);
  return found ? typeOf(found[column]) : '';
}

/** @param {{set: import('../core/results.js').ResultSet, column: number, left: number, width: number, order: import('./rows.js').Order, onSort: (column: number) => void, onWidth: (width: number) => void}} props */
function Header({ set, column, left, width, order, onSort, onWidth }) {
  const { name } = set.columns[column];
  const isOrdered = order?.column === column;
  const sort = isOrdered ? (order?.down ? 'descending' : 'ascending') : 'none';
  /** @param {PointerEvent} event */
  const resize = (event) => {
    event.preventDefault();
    event.stopPropagation();
    const begin = event.clientX - width;
    const move = (/** @type {PointerEvent} */ moved) => onWidth(moved.clientX - begin);
    addEventListener('pointermove', move);
    addEventListener('pointerup', () => removeEventListener('pointermove', move), { once: true });
  };
  return (
    <div
      class="head"
      role="columnheader"
      aria-colindex={column + 1}
      aria-sort={sort}
      style={{ left: `${left}px`, width: `${width}px` }}
    >
      <button
        type="button"
        tabIndex={-1}
        title={`${name} ${set.columns[column].type ?? ''}`}
        onClick={() => onSort(column)}
      >
        <span class="name">{name}</span>
        <span class="badge">{badge(set, column)}</span>
        <span class="arrow" aria-hidden="true">
          {isOrdered ? (order?.down ? '▾' : '▴') : ''}
        </span>
      </button>
      <span
        class="resize"
        aria-hidden="true"
        onPointerDown={resize}
        onDblClick={() =>
          onWidth(
            Math.min(
              900,
              24 +
                7.6 *
                  set.rows
                    .slice(0, 500)
                    .reduce((longest, row) => Math.max(longest, cellText(row[column]).length), name.length + 6),
            ),
          )
        }
      />
    </div>
  );
}
