/** What the columns of a table hold: how many different values, NULLs, smallest and largest, how they are spread. */

import { useEffect, useState } from 'preact/hooks';
import { database } from '../core/session.js';
import { quoted } from '../core/sql.js';
import { number, t } from '../core/texts.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addDialog, openDialog } from '../registry.js';
import { cellText } from '../results/values.js';
import { tableActions } from './tree.jsx';

/** Of larger tables the first so many rows are looked at. */
const LOOKED = 200_000;
const BINS = 12;

/** @typedef {{name: string, rows: number, distinct: number, nulls: number, min: any, max: any, mean: number | null, bins: {label: string, count: number}[]}} Statistics */

/**
 * @param {import('../../web/index.js').Database} db @param {string} table @param {string} column @param {AbortSignal} signal
 * @returns {Promise<Statistics>}
 */
async function statisticsOf(db, table, column, signal) {
  const name = quoted(column);
  const source = `(SELECT ${name} AS v FROM ${quoted(table)} LIMIT ${LOOKED})`;
  const ask = (/** @type {string} */ sql) => db.prepare(sql).safeIntegers().raw().signal(signal);
  const [row] = await ask(
    `SELECT count(*), count(DISTINCT v), sum(v IS NULL), min(v), max(v), avg(CASE WHEN typeof(v) IN ('integer', 'real') THEN v END), sum(typeof(v) IN ('integer', 'real')) FROM ${source}`,
  ).all();
  const [rows, distinct, nulls, min, max, mean, numbers] = row;
  const known = Number(rows) - Number(nulls ?? 0);
  const isNumeric = known > 0 && Number(numbers) === known && Number(distinct) > BINS;
  const low = Number(min);
  const width = (Number(max) - low) / BINS;
  const spread = isNumeric
    ? await ask(
        `SELECT min(${BINS - 1}, CAST((v - ${low}) / ${width} AS INTEGER)) AS bin, count(*) FROM ${source} WHERE v IS NOT NULL GROUP BY bin ORDER BY bin`,
      ).all()
    : await ask(
        `SELECT v, count(*) AS n FROM ${source} WHERE v IS NOT NULL GROUP BY v ORDER BY n DESC, v LIMIT ${BINS}`,
      ).all();
  const counts = new Map(spread.map(([key, count]) => [key, Number(count)]));
  const bins = isNumeric
    ? Array.from({ length: BINS }, (_, i) => ({
        label: `${number(low + i * width)} …`,
        count: counts.get(BigInt(i)) ?? 0,
      }))
    : [...counts].map(([value, count]) => ({ label: cellText(/** @type {any} */ (value)), count }));
  return {
    name: column,
    rows: Number(rows),
    distinct: Number(distinct),
    nulls: Number(nulls ?? 0),
    min,
    max,
    mean: mean === null ? null : Number(mean),
    bins,
  };
}

/** @param {{bins: Statistics['bins']}} props */
function Bars({ bins }) {
  const highest = Math.max(1, ...bins.map(({ count }) => count));
  return (
    <span class="bars" role="img" aria-label={bins.map(({ label, count }) => `${label}: ${count}`).join(', ')}>
      {bins.map(({ label, count }, i) => (
        <span
          key={i}
          title={`${label}: ${number(count)}`}
          style={{ height: `${Math.max(count ? 6 : 0, (100 * count) / highest)}%` }}
        />
      ))}
    </span>
  );
}

/** @param {{props: {table: import('../core/schema.js').Table}, close: () => void}} given */
function StatisticsDialog({ props: { table }, close }) {
  const [found, setFound] = useState(/** @type {Statistics[]} */ ([]));
  const [problem, setProblem] = useState('');
  useEffect(() => {
    const stopper = new AbortController();
    const look = async () => {
      const db = database.peek();
      for (const { name } of table.columns) {
        if (!db || stopper.signal.aborted) return;
        const one = await statisticsOf(db, table.name, name, stopper.signal);
        setFound((before) => [...before, one]);
      }
    };
    look().catch((error) => !stopper.signal.aborted && setProblem(error.message));
    return () => stopper.abort();
  }, [table]);
  const rows = found[0]?.rows ?? 0;
  return (
    <DialogFrame title={t('statistics.title', { name: table.name })} close={close} wide>
      {/* it scrolls sideways */}
      <div class="statistics" tabIndex={0} role="group" aria-label={t('statistics.title', { name: table.name })}>
        <table>
          <thead>
            <tr>
              {['column', 'distinct', 'nulls', 'min', 'max', 'mean', 'shape'].map((key) => (
                <th key={key} scope="col">
                  {t(`statistics.${key}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td class="figure">{number(one.distinct)}</td>
                <td class="figure">{number(one.nulls)}</td>
                <td>{cellText(one.min)}</td>
                <td>{cellText(one.max)}</td>
                <td class="figure">{one.mean === null ? '' : number(Number(one.mean.toPrecision(6)))}</td>
                <td>
                  <Bars bins={one.bins} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <p class={`soft ${found.length < table.columns.length && !problem ? 'busy' : ''}`}>
        {found.length
          ? t(rows < LOOKED ? 'statistics.of' : 'statistics.of-first', { rows: number(rows) })
          : t('statistics.busy')}
      </p>
    </DialogFrame>
  );
}

addDialog({ id: 'statistics', View: StatisticsDialog });
tableActions.push((table) => [
  { label: t('table.statistics'), icon: 'chart', run: () => openDialog('statistics', { table }) },
]);
