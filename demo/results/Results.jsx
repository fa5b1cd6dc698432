/** What a run gave: result sets one at a time, changes, what failed. */

import { useState } from 'preact/hooks';
import { ResultSet } from '../core/results.js';
import { SHOWN_SETS } from '../core/runner.js';
import { database } from '../core/session.js';
import { progress } from '../core/start.js';
import { duration, number, t } from '../core/texts.js';
import { activeRun, activeTab } from '../core/workspace.js';
import { hintFor } from '../editor/hints.js';
import { Icon } from '../layout/widgets.jsx';
import { resultViews } from '../registry.js';

/** @param {{set: ResultSet}} props */
function SetView({ set }) {
  set.version.value;
  const views = resultViews.filter((view) => view.applies(set));
  const first = views.find((view) => view.preferred?.(set)) ?? views[0];
  const [chosen, choose] = useState(first.id);
  const shown = views.find(({ id }) => id === chosen) ?? first;
  return (
    <div class="set">
      {views.length > 1 && (
        <div class="views" role="group" aria-label={t('views')}>
          {views.map(({ id }) => (
            <button key={id} type="button" aria-pressed={id === shown.id} data-view={id} onClick={() => choose(id)}>
              {t(`view.${id}`)}
            </button>
          ))}
        </div>
      )}
      <shown.View set={set} />
    </div>
  );
}

/** @param {{note: import('../core/runner.js').ChangeNote}} props */
function Change({ note }) {
  const words = [...note.words].slice(0, 8).map(([word, count]) => (count > 1 ? `${word} × ${number(count)}` : word));
  return (
    <div class="change">
      <Icon name="edit" />
      <div>
        <p>
          <strong>{note.count === 1 ? words[0] : t('change.statements', { count: number(note.count) })}</strong>
          {note.changes > 0 && (
            <span>{t(note.changes === 1 ? 'change.row' : 'change.rows', { count: number(note.changes) })}</span>
          )}
          <span class="soft">{duration(note.milliseconds)}</span>
        </p>
        {note.count > 1 && <p class="soft">{words.join(', ')}</p>}
        {note.lastInsertRowid !== null && note.changes === 1 && (
          <p class="soft">{t('change.rowid', { rowid: String(note.lastInsertRowid) })}</p>
        )}
      </div>
    </div>
  );
}

/** What was printed. @param {{text: string}} props */
function Printed({ text }) {
  return (
    <pre class="printed" tabIndex={0}>
      {text}
    </pre>
  );
}

/** The line of a script where it failed, with a caret under the place. @param {string} script @param {number} offset */
function Excerpt({ script, offset }) {
  const from = script.lastIndexOf('\n', offset - 1) + 1;
  const end = script.indexOf('\n', offset);
  const line = script.slice(from, end < 0 ? undefined : end);
  const cut = Math.max(0, offset - from - 90);
  return (
    <pre
      class="excerpt"
      tabIndex={0}
    >{`${line.slice(cut, cut + 180)}\n${line.slice(cut, offset - from).replaceAll(/[^\t]/g, ' ')}^`}</pre>
  );
}

/** @param {{run: import('../core/runner.js').Run}} props */
function Failure({ run }) {
  const failure = /** @type {import('../core/runner.js').Failure} */ (run.failure);
  if (failure.stopped) {
    return (
      <div class="failure stopped">
        <p>{failure.message}</p>
      </div>
    );
  }
  const statement = run.script.slice(failure.start, failure.end);
  const hint = hintFor(failure.message, statement);
  const line = run.script.slice(0, failure.offset >= 0 ? failure.offset : failure.start).split('\n').length;
  return (
    <div class="failure">
      <p>
        <strong>{failure.message}</strong>
      </p>
      <p class="soft">
        {failure.code && <code>{failure.code}</code>} {t('failed.line', { line })}
      </p>
      {failure.offset >= 0 ? (
        <Excerpt script={run.script} offset={failure.offset} />
      ) : (
        <pre class="excerpt" tabIndex={0}>
          {statement.length > 400 ? `${statement.slice(0, 400)}…` : statement}
        </pre>
      )}
      {hint && (
        <p class="hint">
          <strong>{t('hint')}</strong> {hint}
        </p>
      )}
    </div>
  );
}

/** What a screen reader hears: how it ended, not the rows. @param {import('../core/runner.js').Run} run */
function summary({ state, outcomes, failure, milliseconds }) {
  if (state === 'running') return '';
  if (failure) return failure.message;
  const sets = outcomes.filter((one) => one instanceof ResultSet);
  const rows = sets.reduce((sum, set) => sum + set.rows.length, 0);
  return t('done', { sets: number(sets.length), rows: number(rows), time: duration(milliseconds) });
}

/** @param {{run: import('../core/runner.js').Run}} props */
function RunView({ run }) {
  const { outcomes, failure, state } = run;
  const entries = [...outcomes.map((_, i) => `${i}`), ...(failure ? ['failure'] : [])];
  // what failed is shown first; else the last thing that gave rows
  const lastRows = outcomes.findLastIndex((one) => one instanceof ResultSet);
  const initial = failure ? 'failure' : `${lastRows >= 0 ? lastRows : outcomes.length - 1}`;
  const [picked, pick] = useState(/** @type {string | null} */ (null));
  const shown = picked !== null && entries.includes(picked) ? picked : initial;
  let sets = 0;
  const labels = outcomes.map((one) =>
    one instanceof ResultSet ? t('set', { n: ++sets }) : t(one.kind === 'text' ? 'printed' : 'changes'),
  );
  const outcome = outcomes[Number(shown)];
  return (
    <>
      {entries.length > 1 && (
        <div class="outcomes" role="group" aria-label={t('results')}>
          {entries.map((entry, i) => (
            <button
              key={entry}
              type="button"
              aria-pressed={entry === shown}
              class={entry === 'failure' ? 'bad' : ''}
              onClick={() => pick(entry)}
            >
              {entry === 'failure' ? t('error') : labels[i]}
              {outcomes[i] instanceof ResultSet && (
                <small>{number(/** @type {ResultSet} */ (outcomes[i]).rows.length)}</small>
              )}
            </button>
          ))}
        </div>
      )}
      {state === 'running' && !outcomes.length && <p class="empty busy">{t('running')}</p>}
      {state === 'done' && !outcomes.length && <p class="empty">{t('run.comment')}</p>}
      {shown === 'failure' && failure ? (
        <Failure run={run} />
      ) : outcome instanceof ResultSet ? (
        <SetView key={outcome.id} set={outcome} />
      ) : outcome?.kind === 'text' ? (
        <Printed text={outcome.text} />
      ) : outcome ? (
        <Change note={outcome} />
      ) : null}
      {sets >= SHOWN_SETS && <p class="soft">{t('sets.many', { shown: SHOWN_SETS })}</p>}
    </>
  );
}

export function Results() {
  const run = activeRun.value;
  return (
    <>
      <h2 class="sr-only">{t('results')}</h2>
      <div
        role="status"
        class="sr-only"
        id="summary"
        data-finished={run && run.state !== 'running' ? run.number : undefined}
      >
        {run ? summary(run) : ''}
      </div>
      {run ? <RunView key={`${activeTab.value?.id} ${run.script}`} run={run} /> : <Welcome />}
    </>
  );
}

function Welcome() {
  const isReady = database.value !== null;
  if (!isReady && progress.value.stage === 'failed') return null;
  return (
    <div class="welcome">
      <p>{t(isReady ? 'welcome' : 'welcome.loading')}</p>
      <p class="soft">{t('welcome.more')}</p>
    </div>
  );
}
