/** Plans: the tree of EXPLAIN QUERY PLAN, and EXPLAIN ANALYZE with rows and time of each line. */

import { running } from '../core/runner.js';
import { statements } from '../core/sql.js';
import { duration, number, t } from '../core/texts.js';
import { isSql } from '../core/workspace.js';
import { chosen, runText } from '../editor/query.js';
import { confirm } from '../layout/ask.jsx';
import { addCommand, addResultView } from '../registry.js';
import { isPlan, treeOf } from './plan.js';

/** @param {{node: import('./plan.js').Node, total: number}} props */
function Line({ node, total }) {
  return (
    <li>
      <div class={`plan-line ${node.kind}`}>
        <span class="dot" />
        <span class="detail">{node.detail}</span>
        <span class="tag">{t(`plan.${node.kind}`)}</span>
        {node.measured && (
          <span class="cost">
            <span class="flame" title={t('plan.share', { own: duration(node.own), all: duration(node.ms) })}>
              <span class="all" style={{ width: `${(100 * node.ms) / total}%` }} />
              <span class="own" style={{ width: `${(100 * node.own) / total}%` }} />
            </span>
            <span class="figure">{duration(node.ms)}</span>
            <span class="figure">{t(node.rows === 1 ? 'rows.one' : 'rows', { rows: number(node.rows) })}</span>
            {node.visited > node.rows && (
              <span class="figure soft">{t('plan.visited', { rows: number(node.visited) })}</span>
            )}
            {node.loops > 1 && <span class="figure soft">{t('plan.loops', { count: number(node.loops) })}</span>}
          </span>
        )}
      </div>
      {node.children.length > 0 && (
        <ul>
          {node.children.map((child) => (
            <Line key={child.id} node={child} total={total} />
          ))}
        </ul>
      )}
    </li>
  );
}

/** @param {{set: import('../core/results.js').ResultSet}} props */
function PlanView({ set }) {
  const roots = treeOf(set.rows);
  const total = Math.max(1e-9, ...roots.map(({ ms }) => ms));
  return (
    <div class="plan">
      <ul>
        {roots.map((node) => (
          <Line key={node.id} node={node} total={total} />
        ))}
      </ul>
      <p class="soft">{t(roots[0]?.measured ? 'plan.about-analyze' : 'plan.about')}</p>
    </div>
  );
}

/** Explain the statement at the cursor, or what is selected. @param {string} prefix */
export async function explain(prefix) {
  const { sql, at } = chosen('here');
  const [first] = statements(sql);
  if (!first) return runText(sql);
  const bare = first.text.replace(/^\s*EXPLAIN(\s+QUERY\s+PLAN|\s+ANALYZE|\s+CODE)?\s+/i, '');
  const changes = prefix === 'EXPLAIN ANALYZE' && /^(INSERT|REPLACE|UPDATE|DELETE)\b/i.test(bare);
  if (
    changes &&
    !(await confirm({
      title: t('command.explain-analyze'),
      text: t('plan.changes'),
      submit: t('command.run'),
      code: bare,
    }))
  )
    return;
  return runText(bare, at + first.start, (text) => `${prefix} ${text}`);
}

addResultView({ id: 'plan', applies: isPlan, preferred: isPlan, View: PlanView, order: 5 });
const enabled = () => !running.value && isSql.value;
addCommand({
  id: 'explain-plan',
  group: 'query',
  icon: 'plan',
  keys: ['Alt-p'],
  run: () => explain('EXPLAIN QUERY PLAN'),
  enabled,
});
addCommand({
  id: 'explain-analyze',
  group: 'query',
  icon: 'plan',
  keys: ['Alt-Shift-p'],
  run: () => explain('EXPLAIN ANALYZE'),
  enabled,
});
