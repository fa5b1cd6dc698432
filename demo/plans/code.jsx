/** EXPLAIN CODE to read: the plan, then each function of the Program, as it is compiled to WebAssembly. */

import { useMemo } from 'preact/hooks';
import { running } from '../core/runner.js';
import { number, t } from '../core/texts.js';
import { isSql } from '../core/workspace.js';
import { addCommand, addResultView } from '../registry.js';
import { explain } from './plans.jsx';
import './code.css';

/** @typedef {{name: string, lines: string[]}} Part a function, or with no name the plan */

/** @param {string[]} lines of EXPLAIN CODE @returns {Part[]} */
export function partsOf(lines) {
  /** @type {Part[]} */
  const parts = [{ name: '', lines: [] }];
  for (const line of lines) {
    const name = /^def (\w+)/.exec(line)?.[1];
    if (name) parts.push({ name, lines: [] });
    parts[parts.length - 1].lines.push(line);
  }
  for (const part of parts) while (part.lines.at(-1)?.trim() === '') part.lines.pop();
  return parts.filter(({ lines }) => lines.length);
}

const TOKEN =
  /(?<keyword>\b(?:def|if|elif|else|while|block|leave|return|not|and|or|True)\b)|(?<call>\b[a-z_]\w*(?=\())|(?<memory>\b[iuf]\d+(?:x\d+)?(?=\[))|(?<number>\b\d[\w.]*)/g;

/** A line with its words coloured. @param {{line: string}} props */
function Line({ line }) {
  const pieces = [];
  let at = 0;
  for (const match of line.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? [];
    pieces.push(line.slice(at, match.index), <span class={`code-${kind}`}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  pieces.push(line.slice(at), '\n');
  return <>{pieces}</>;
}

/** @param {{set: import('../core/results.js').ResultSet}} props */
function CodeView({ set }) {
  const version = set.version.value;
  const parts = useMemo(() => partsOf(set.rows.map(([line]) => String(line))), [set, version]);
  return (
    <div class="code-view">
      {parts.map(({ name, lines }, i) => (
        <details key={i} open={i < 2}>
          <summary>
            <strong>{name ? t('code.function', { name }) : t('view.plan')}</strong>
            <span class="soft">{t('code.lines', { count: number(lines.length) })}</span>
          </summary>
          <pre tabIndex={0}>
            {lines.map((line, n) => (
              <Line key={n} line={line} />
            ))}
          </pre>
        </details>
      ))}
      <p class="soft">{t('code.about')}</p>
    </div>
  );
}

/** @param {import('../core/results.js').ResultSet} set */
const isCode = (set) => set.columns.length === 1 && /^\s*EXPLAIN\s+CODE\b/i.test(set.sql);

addResultView({ id: 'code', applies: isCode, preferred: isCode, View: CodeView, order: 6 });
addCommand({
  id: 'explain-code',
  group: 'query',
  icon: 'code',
  keys: ['Alt-c'],
  run: () => explain('EXPLAIN CODE'),
  enabled: () => !running.value && isSql.value,
});
