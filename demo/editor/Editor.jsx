/** The editor with its tabs and buttons. */

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { running } from '../core/runner.js';
import { schema } from '../core/schema.js';
import { database } from '../core/session.js';
import { language, t } from '../core/texts.js';
import { activate, activeTab, addTab, changeTab, closeTab, isSql, tabs, titleOf } from '../core/workspace.js';
import { keyName } from '../layout/keys.js';
import { effectiveTheme } from '../layout/theme.js';
import { CommandButton, Icon, Menu } from '../layout/widgets.jsx';
import { commands, editorBars, runCommand } from '../registry.js';
import { EDITOR_KEYS } from './commands.js';
import { editor, waiting } from './query.js';

/** CodeMirror in the tab that is shown. */
function TextArea() {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    let stopped = false;
    /** @type {(() => void)[]} */
    const ends = [];
    import('./codemirror.js').then(({ createEditor }) => {
      if (stopped || !place.current) return;
      place.current.querySelector('.editor-waiting')?.remove();
      const made = createEditor(place.current, {
        label: t('editor'),
        onChange: (id, text) => changeTab(id, { text }),
        keys: EDITOR_KEYS,
      });
      editor.value = made;
      ends.push(
        effect(() => {
          const tab = activeTab.value;
          if (tab) made.show(tab.id, tab.text, tab.kind);
        }),
        effect(() => made.setSchema(schema.value)),
        effect(() => made.setDark(effectiveTheme.value !== 'light')),
        effect(() => {
          language.value;
          made.setLabel(t('editor'));
        }),
      );
      if (matchMedia('(pointer: fine)').matches && document.activeElement === document.body) made.focus();
    });
    return () => {
      stopped = true;
      for (const end of ends) end();
      editor.peek()?.destroy();
      editor.value = null;
    };
  }, []);
  return (
    <div id="editor" ref={place}>
      <pre class="editor-waiting">{activeTab.peek()?.text}</pre>
    </div>
  );
}

function Tabs() {
  const current = activeTab.value;
  /** @param {KeyboardEvent} event */
  const move = (event) => {
    const at = tabs.value.findIndex(({ id }) => id === current?.id);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.value.length - 1 }[event.key];
    if (event.key === 'Delete' && current) closeTab(current.id);
    else if (event.key === 'F2' && current) rename(current);
    else if (next === undefined) return;
    else activate(tabs.value[(next + tabs.value.length) % tabs.value.length].id);
    event.preventDefault();
    requestAnimationFrame(() =>
      /** @type {HTMLElement | null} */ (document.querySelector('.query-tabs [aria-selected="true"]'))?.focus(),
    );
  };
  return (
    <div class="query-tabs">
      <div role="tablist" aria-label={t('tabs')} onKeyDown={move}>
        {tabs.value.map((tab) => (
          <button
            key={tab.id}
            type="button"
            role="tab"
            id={`tab-${tab.id}`}
            aria-selected={tab.id === current?.id}
            aria-controls="query"
            tabIndex={tab.id === current?.id ? 0 : -1}
            title={t('tab.keys')}
            onClick={() => activate(tab.id)}
            onDblClick={() => rename(tab)}
            onAuxClick={(event) => event.button === 1 && closeTab(tab.id)}
          >
            {tab.kind && <small class="tag">{t(`kind.${tab.kind}`)}</small>}
            {titleOf(tab)}
          </button>
        ))}
      </div>
      <button
        type="button"
        class="quiet square"
        aria-label={t('command.new-tab')}
        title={`${t('command.new-tab')} (${keyName('Alt-n')})`}
        onClick={() => addTab()}
      >
        <Icon name="plus" />
      </button>
      <Menu
        label={t('tab.menu')}
        icon="down"
        class="quiet square"
        items={() => [
          { label: t('command.new-python'), icon: 'python', run: () => runCommand('new-python') },
          { label: t('tab.rename'), icon: 'edit', run: () => current && rename(current) },
          { label: t('command.save-query'), icon: 'star', run: () => runCommand('save-query') },
          { label: t('tab.close'), icon: 'close', keys: 'Alt-w', run: () => current && closeTab(current.id) },
          null,
          ...tabs.value.map((tab) => ({
            label: titleOf(tab),
            checked: tab.id === current?.id,
            run: () => activate(tab.id),
          })),
        ]}
      />
    </div>
  );
}

/** @param {import('../core/workspace.js').Tab} tab */
async function rename(tab) {
  const { ask } = await import('../layout/ask.jsx');
  const title = await ask({ title: t('tab.rename'), label: t('tab.name'), value: titleOf(tab) });
  if (title) changeTab(tab.id, { title });
}

function Toolbar() {
  const isRunning = Boolean(running.value) || waiting.value;
  const extra = ['explain-plan', 'explain-analyze', 'index-advice', 'explain-code'].filter((id) => commands.has(id));
  return (
    <div class="bar" role="toolbar" aria-label={t('toolbar.query')}>
      {isRunning ? (
        <button id="stop" type="button" class="danger" onClick={() => runCommand('stop')} disabled={waiting.value}>
          <Icon name="stop" />
          <span>{waiting.value ? t('run.waits') : t('command.stop')}</span>
          <kbd>Esc</kbd>
        </button>
      ) : (
        <button
          id="run"
          type="button"
          class="primary"
          data-ready={database.value !== null}
          onClick={() => runCommand('run')}
        >
          <Icon name="play" />
          <span>{t('command.run')}</span>
          <kbd>{keyName('Mod-Enter')}</kbd>
        </button>
      )}
      <Menu
        label={t('run.more')}
        icon="down"
        class="square"
        items={() =>
          (isSql.value ? ['run', 'run-statement', 'run-all', null, ...extra] : ['run', 'run-all']).map(
            (id) =>
              id && {
                label: t(`command.${id}`),
                icon: commands.get(id)?.icon,
                keys: commands.get(id)?.keys?.[0],
                run: () => runCommand(id),
                disabled: isRunning,
              },
          )
        }
      />
      <span class="spread" />
      {extra.length > 0 && isSql.value && <CommandButton id="explain-plan" class="quiet" label={t('explain.short')} />}
      {isSql.value && <CommandButton id="format" class="quiet" />}
      <CommandButton id="save-query" class="quiet" label={t('save.short')} />
    </div>
  );
}

export function Editor() {
  const tab = activeTab.value;
  return (
    <section class="query" id="query" role="tabpanel" aria-labelledby={tab && `tab-${tab.id}`}>
      {tab &&
        editorBars.filter((bar) => bar.applies(tab)).map((bar) => <bar.View key={`${bar.id} ${tab.id}`} tab={tab} />)}
      <TextArea />
      <Toolbar />
    </section>
  );
}

export { Tabs };
