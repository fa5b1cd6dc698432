/** Which chart suits a result: from the kinds of values in its columns. */

/**
 * @typedef {'number' | 'time' | 'text' | 'none'} Kind
 * @typedef {{kind: 'bar' | 'line' | 'scatter' | 'histogram', x: number, y: number, series: number}} Choice columns; series: -1 for none
 */

/** More points say no more, and take long to draw. */
export const DRAWN = 6_000;

/** @param {import('../core/results.js').ResultSet} set @returns {Kind[]} */
export function kindsOf(set) {
  const step = Math.max(1, Math.floor(set.rows.length / 200));
  return set.columns.map((_, column) => {
    let [numbers, times, all] = [0, 0, 0];
    for (let i = 0; i < set.rows.length; i += step) {
      const value = set.rows[i][column];
      if (value === null) continue;
      all++;
      if (typeof value === 'number' || typeof value === 'bigint') numbers++;
      else if (typeof value === 'string' && isTime(value)) times++;
    }
    if (!all) return 'none';
    return numbers === all ? 'number' : times === all ? 'time' : 'text';
  });
}

/** @param {string} text */
function isTime(text) {
  return /^\d{4}-\d{2}(-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?)?$/.test(text);
}

/** The chart that is shown at first, null when nothing can be drawn. @param {import('../core/results.js').ResultSet} set @returns {Choice | null} */
export function choose(set) {
  const kinds = kindsOf(set);
  const all = kinds.map((_, i) => i);
  const numbers = all.filter((i) => kinds[i] === 'number' && !/(^|_)id$/i.test(set.columns[i].name));
  const y = numbers.at(-1) ?? kinds.lastIndexOf('number');
  if (y < 0 || set.rows.length < 2) return null;
  const time = kinds.indexOf('time');
  const texts = all.filter((i) => kinds[i] === 'text');
  const few = texts.find((i) => distinct(set, i) <= 12) ?? -1;
  if (time >= 0) return { kind: 'line', x: time, y: numbers[0] ?? y, series: few };
  if (texts.length)
    return {
      kind: set.rows.length > 60 && numbers.length > 1 ? 'scatter' : 'bar',
      x: set.rows.length > 60 && numbers.length > 1 ? numbers[0] : texts[0],
      y,
      series: -1,
    };
  if (kinds.filter((kind) => kind === 'number').length === 1) return { kind: 'histogram', x: y, y, series: -1 };
  const x = kinds.indexOf('number');
  return { kind: isRising(set, x) ? 'line' : 'scatter', x, y: y === x ? kinds.lastIndexOf('number') : y, series: -1 };
}

/** @param {import('../core/results.js').ResultSet} set @param {number} column */
function distinct(set, column) {
  return new Set(set.rows.slice(0, 500).map((row) => row[column])).size;
}

/** @param {import('../core/results.js').ResultSet} set @param {number} column */
function isRising({ rows }, column) {
  for (let i = 1; i < Math.min(rows.length, 500); i++)
    if (Number(rows[i][column]) <= Number(rows[i - 1][column])) return false;
  return true;
}

/** The rows that are drawn, as Plot takes them. @param {import('../core/results.js').ResultSet} set @param {Choice} choice */
export function points(set, { x, y, series, kind }) {
  const kinds = kindsOf(set);
  const step = kind === 'bar' ? 1 : Math.max(1, Math.ceil(set.rows.length / DRAWN));
  const limit = kind === 'bar' ? 200 : DRAWN;
  const found = [];
  for (let i = 0; i < set.rows.length && found.length < limit; i += step) {
    const row = set.rows[i];
    found.push({
      x: coordinate(row[x], kinds[x]),
      y: coordinate(row[y], kinds[y]),
      series: series >= 0 ? String(row[series] ?? 'NULL') : undefined,
    });
  }
  return found;
}

/** @param {import('../core/results.js').Value} value @param {Kind} kind */
function coordinate(value, kind) {
  if (value === null) return null;
  if (kind === 'number') return Number(value);
  if (kind === 'time') return new Date(`${String(value).replace(' ', 'T')}${String(value).length > 10 ? 'Z' : ''}`);
  return value instanceof Uint8Array ? `${value.length} bytes` : String(value);
}
