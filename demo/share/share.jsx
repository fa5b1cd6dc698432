/** A link that carries the queries, and the database if it is small. */

import { useEffect, useState } from 'preact/hooks';
import { keep } from '../core/kept.js';
import { say, trying } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import { database, databaseName, freeName, nameProblem, names } from '../core/session.js';
import { number, size, t } from '../core/texts.js';
import { activeId, activeTab, tabs, titleOf } from '../core/workspace.js';
import { switchTo } from '../databases/databases.jsx';
import { ask } from '../layout/ask.jsx';
import { Check, DialogFrame } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { fragmentOf, LONG_CHARACTERS, MOST_CHARACTERS } from './link.js';
import { sharedName } from './open.js';

/** A file that is larger is not even tried. */
const MOST_BYTES = 4_000_000;

/** @param {{props: {file: Uint8Array | null}, close: (value?: any) => void}} given */
function ShareDialog({ props: { file }, close }) {
  const [withDatabase, setWithDatabase] = useState(file !== null);
  const [all, setAll] = useState(false);
  const [link, setLink] = useState('');
  useEffect(() => {
    let current = true;
    const chosen = all ? tabs.peek() : [activeTab.peek()];
    const queries = chosen
      .filter((tab) => tab?.text.trim())
      .map((tab) => ({ title: titleOf(tab), sql: tab.text, kind: tab.kind }));
    fragmentOf(
      { name: database.peek()?.memory ? sharedName.peek() || 'shared.db' : databaseName.peek(), queries },
      withDatabase ? file : null,
    ).then((fragment) => {
      if (current) setLink(`${location.origin}${location.pathname}${fragment}`);
    });
    return () => {
      current = false;
    };
  }, [withDatabase, all]);
  const count = link.length;
  const tooLarge = count > MOST_CHARACTERS;
  const copy = () =>
    trying(async () => {
      await navigator.clipboard.writeText(link);
      close();
      say(t('share.copied'));
    });
  return (
    <DialogFrame
      title={t('share.title')}
      close={close}
      submit={t('share.copy')}
      disabled={!link || tooLarge}
      onSubmit={copy}
    >
      <p>{t('share.about')}</p>
      {file && (
        <Check
          label={t('share.database', { size: size(file.length) })}
          checked={withDatabase}
          onChange={setWithDatabase}
        />
      )}
      {tabs.value.length > 1 && <Check label={t('share.queries')} checked={all} onChange={setAll} />}
      <label class="field">
        <span>{t('share.link')}</span>
        <input
          id="share-link"
          type="text"
          autofocus
          readOnly
          value={tooLarge ? '' : link}
          onFocus={(event) => event.currentTarget.select()}
        />
      </label>
      <p class={count > LONG_CHARACTERS ? 'problem' : ''} role="status">
        {tooLarge
          ? t('share.too-large', { size: size(count) })
          : t(count > LONG_CHARACTERS ? 'share.long' : 'share.length', { count: number(count) })}
      </p>
    </DialogFrame>
  );
}

addDialog({ id: 'share', View: ShareDialog });
addCommand({
  id: 'share',
  group: 'database',
  icon: 'link',
  menu: true,
  enabled: () => database.value !== null,
  run: () =>
    trying(async () => {
      const db = database.peek();
      if (!db) return;
      await releaseResults();
      const [pages, bytes] = [
        await db.pragma('page_count', { simple: true }),
        await db.pragma('page_size', { simple: true }),
      ];
      const file = Number(pages) * Number(bytes) <= MOST_BYTES ? await db.export() : null;
      await openDialog('share', { file });
    }),
});
addCommand({
  id: 'keep-shared',
  group: 'database',
  menu: true,
  enabled: () => database.value?.memory === true,
  run: () =>
    trying(async () => {
      const db = database.peek();
      if (!db) return;
      const check = (/** @type {string} */ name) =>
        nameProblem(name) ?? (names.peek().includes(name) ? 'name.taken' : null);
      const name = await ask({
        title: t('command.keep-shared'),
        label: t('shared.name'),
        value: await freeName(sharedName.peek()),
        check,
      });
      if (!name) return;
      await releaseResults();
      await db.backup(name);
      await keep(`tabs ${name}`, { list: tabs.peek(), active: activeId.peek() });
      await switchTo(name);
      say(t('shared.kept', { name }));
    }),
});
