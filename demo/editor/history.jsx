/** Queries of earlier: history, and those that were saved. */

import { useState } from 'preact/hooks';
import { say } from '../core/notices.js';
import { duration, language, t } from '../core/texts.js';
import {
  activeTab,
  changeTab,
  clearHistory,
  history,
  removeSaved,
  saved,
  saveQuery,
  titleOf,
} from '../core/workspace.js';
import { ask } from '../layout/ask.jsx';
import { Icon } from '../layout/widgets.jsx';
import { addCommand, addPanel } from '../registry.js';
import { editor, openQuery } from './query.js';

/** @param {{text: string, set: (text: string) => void, label: string}} props */
function SearchField({ text, set, label }) {
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={text}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </div>
  );
}

/** @param {string} sql @param {string} text */
const has = (sql, text) =>
  text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => sql.toLowerCase().includes(word));

function History() {
  const [text, setText] = useState('');
  const found = history.value.filter(({ sql }) => has(sql, text)).slice(0, 200);
  const when = new Intl.DateTimeFormat(language.value, { dateStyle: 'short', timeStyle: 'short' });
  return (
    <>
      <SearchField text={text} set={setText} label={t('history.search')} />
      {!found.length && <p class="empty">{t(text ? 'history.none-found' : 'history.none')}</p>}
      <ul class="past">
        {found.map((past) => (
          <li key={past.sql}>
            <button
              type="button"
              class="entry"
              title={past.sql}
              onClick={() => openQuery(past.sql, { kind: past.kind })}
            >
              <code>{past.sql.trim().slice(0, 300)}</code>
              <small class={past.failed ? 'bad' : ''}>
                {when.format(past.at)} · {past.database} ·{' '}
                {past.failed ? t('history.failed') : duration(past.milliseconds)}
              </small>
            </button>
          </li>
        ))}
      </ul>
      {history.value.length > 0 && !text && (
        <button type="button" class="quiet" onClick={clearHistory}>
          <Icon name="trash" />
          <span>{t('history.clear')}</span>
        </button>
      )}
    </>
  );
}

function Saved() {
  const [text, setText] = useState('');
  const found = saved.value.filter(({ sql, title }) => has(`${title} ${sql}`, text));
  return (
    <>
      {saved.value.length > 6 && <SearchField text={text} set={setText} label={t('saved.search')} />}
      {!found.length && <p class="empty">{t('saved.none')}</p>}
      <ul class="past">
        {found.map(({ id, title, sql, kind }) => (
          <li key={id}>
            <button type="button" class="entry" title={sql} onClick={() => openQuery(sql, { title, kind })}>
              <strong>{title}</strong>
              <code>{sql.trim().slice(0, 160)}</code>
            </button>
            <button
              type="button"
              class="quiet square"
              aria-label={t('saved.remove', { title })}
              title={t('saved.remove', { title })}
              onClick={() => removeSaved(id)}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

addPanel({ id: 'history', icon: 'history', View: History, order: 20 });
addPanel({ id: 'saved', icon: 'star', View: Saved, order: 30 });
addCommand({
  id: 'save-query',
  group: 'query',
  keys: ['Mod-s'],
  icon: 'star',
  run: async () => {
    const tab = activeTab.peek();
    const sql = editor.peek()?.selection()?.text ?? tab?.text ?? '';
    if (!tab || !sql.trim()) return say(t('save.nothing'));
    const title = await ask({
      title: t('command.save-query'),
      label: t('save.label'),
      value: titleOf(tab),
      submit: t('save.short'),
    });
    if (!title) return;
    saveQuery(title, sql, tab.kind);
    changeTab(tab.id, { title });
    say(t('save.done', { title }));
  },
});
