/** Advice: which indexes the statement at the cursor would use, and how much quicker it is with them. */

import { useEffect, useState } from 'preact/hooks';
import { argumentsOf, parameterNames, releaseResults, running } from '../core/runner.js';
import { schema } from '../core/schema.js';
import { database } from '../core/session.js';
import { statements } from '../core/sql.js';
import { duration, number, t } from '../core/texts.js';
import { isSql } from '../core/workspace.js';
import { chosen, openQuery } from '../editor/query.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { advise } from './advice.js';

/** Milliseconds: what a page's clock tells apart; from where on a ratio means something. */
const CLOCK = 0.1;
const MEASURABLE = 1;

/** @param {{label: string, cost: import('./advice.js').Cost, most: number}} props */
function Cost({ label, cost, most }) {
  return (
    <tr>
      <th scope="row">{label}</th>
      <td class="figure">{cost.ms < CLOCK ? `< ${duration(CLOCK)}` : duration(cost.ms)}</td>
      <td class="figure">{t('advice.visited', { rows: number(cost.visited) })}</td>
      <td class="plan-line">
        <span class="flame">
          <span class="own" style={{ width: `${(100 * cost.ms) / most}%` }} />
        </span>
      </td>
    </tr>
  );
}

/**
 * How many times as quick it is; of what takes no time that could be measured, how many times fewer rows are visited.
 * @param {import('./advice.js').Cost} before @param {import('./advice.js').Cost} after
 */
function gainOf(before, after) {
  if (before.ms >= MEASURABLE) return before.ms / Math.max(after.ms, CLOCK);
  return Math.max(1, before.visited) / Math.max(1, after.visited);
}

/** @param {{advice: import('./advice.js').Advice}} props */
function Found({ advice: { indexes, plan, before, after } }) {
  if (!indexes.length) return <p>{t('advice.none')}</p>;
  const gain = before && after && gainOf(before, after);
  return (
    <>
      <pre class="code" tabIndex={0}>
        {indexes.map(({ sql }) => `${sql};`).join('\n')}
      </pre>
      {before && after && gain ? (
        <>
          <p>
            <strong>
              {gain >= 1.15 ? t('advice.gain', { times: number(Number(gain.toPrecision(2))) }) : t('advice.no-gain')}
            </strong>
          </p>
          <table class="advice">
            <tbody>
              <Cost label={t('advice.before')} cost={before} most={Math.max(before.ms, after.ms)} />
              <Cost label={t('advice.after')} cost={after} most={Math.max(before.ms, after.ms)} />
            </tbody>
          </table>
          <p class="soft">{t('advice.measured')}</p>
        </>
      ) : (
        <p class="soft">{t('advice.not-measured')}</p>
      )}
      <details>
        <summary>{t('advice.plan')}</summary>
        <pre class="code" tabIndex={0}>
          {plan.join('\n')}
        </pre>
      </details>
    </>
  );
}

/** @param {{props: {sql: string, values: unknown[]}, close: (value?: any) => void}} given */
function AdviceDialog({ props: { sql, values }, close }) {
  const [advice, setAdvice] = useState(/** @type {import('./advice.js').Advice | null} */ (null));
  const [problem, setProblem] = useState('');
  useEffect(() => {
    let gone = false;
    const ask = async () => {
      const db = database.peek();
      if (!db) return;
      await releaseResults();
      const found = await advise(db, schema.peek().tables, sql, values);
      if (!gone) setAdvice(found);
    };
    ask().catch((error) => !gone && setProblem(error.message));
    return () => {
      gone = true;
    };
  }, [sql]);
  const made = advice?.indexes.map((index) => `${index.sql};`).join('\n') ?? '';
  return (
    <DialogFrame
      title={t('command.index-advice')}
      close={close}
      wide
      submit={made && !database.peek()?.readonly ? t('advice.make') : undefined}
      onSubmit={() => close(made)}
    >
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <div role="status">{advice ? <Found advice={advice} /> : !problem && <p class="busy">{t('advice.busy')}</p>}</div>
    </DialogFrame>
  );
}

addDialog({ id: 'advice', View: AdviceDialog });
addCommand({
  id: 'index-advice',
  group: 'query',
  icon: 'index',
  keys: ['Alt-i'],
  enabled: () => !running.value && isSql.value && database.value !== null,
  run: async () => {
    const { sql } = chosen('here');
    const [statement] = statements(sql.replace(/^\s*EXPLAIN(\s+QUERY\s+PLAN|\s+ANALYZE|\s+CODE)?\s+/i, ''));
    if (!statement) return;
    const names = parameterNames(statement.text);
    const values = names.length ? await openDialog('parameters', { names }) : {};
    if (!values) return;
    const text = statement.text.replace(/;\s*$/, '');
    const made = await openDialog('advice', { sql: text, values: argumentsOf(statement, values) });
    if (made) await openQuery(made, { run: true });
  },
});
