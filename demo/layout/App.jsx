/** The page: header, side bar, editor, results, status. */

import './keys.js';
import { useEffect, useRef } from 'preact/hooks';
import { setSetting, setting } from '../core/kept.js';
import { retry } from '../core/lifecycle.js';
import { dismiss, notice } from '../core/notices.js';
import { running } from '../core/runner.js';
import { database, databaseName, inTransaction, names, occupation } from '../core/session.js';
import { progress } from '../core/start.js';
import { LANGUAGES, language, t } from '../core/texts.js';
import { Editor, Tabs } from '../editor/Editor.jsx';
import { commands, openDialogs, openers, panels, runCommand } from '../registry.js';
import { Results } from '../results/Results.jsx';
import { panel, showPanel, togglePanel } from './commands.js';
import { DropZone } from './drop.jsx';
import { setTheme, THEMES, theme } from './theme.js';
import { CommandButton, Icon, Menu } from './widgets.jsx';

function Header() {
  const name = databaseName.value;
  const list = [...new Set([...names.value, name])].filter(Boolean).sort();
  const entry = (/** @type {string} */ id) => ({
    label: t(`command.${id}`),
    icon: commands.get(id)?.icon,
    keys: commands.get(id)?.keys?.[0],
    run: () => runCommand(id),
    disabled: !(commands.get(id)?.enabled?.() ?? true),
  });
  const databaseCommands = [...commands.values()].filter(({ menu }) => menu).map(({ id }) => id);
  return (
    <header class="top">
      <h1>
        turso-wasm <span>{t('playground')}</span>
      </h1>
      <label class="picker">
        <Icon name="database" />
        <span class="sr-only">{t('database')}</span>
        <select
          id="databases"
          value={name}
          disabled={!database.value}
          onChange={(event) => runCommand('switch-database', event)}
        >
          {list.map((one) => (
            <option key={one} value={one} selected={one === name}>
              {one}
            </option>
          ))}
        </select>
      </label>
      <Menu
        id="database-menu"
        label={t('database.menu')}
        icon="down"
        class="square"
        items={() => databaseCommands.map(entry)}
      />
      <CommandButton id="samples" class="wide-only" />
      <CommandButton id="open-file" class="wide-only" />
      <span class="spread" />
      <TransactionBadge />
      <CommandButton id="palette" class="quiet square" text={false} />
      <CommandButton id="help" class="quiet square" text={false} />
      <Menu
        label={t('settings')}
        icon="theme"
        class="quiet square"
        items={() => [
          ...THEMES.map((one) => ({
            label: t(`theme.${one}`),
            checked: theme.value === one,
            run: () => setTheme(one),
          })),
          null,
          ...Object.entries(LANGUAGES).map(([id, label]) => ({
            label,
            checked: language.value === id,
            run: () => {
              language.value = /** @type {any} */ (id);
              setSetting('language', id);
            },
          })),
        ]}
      />
    </header>
  );
}

function TransactionBadge() {
  if (!inTransaction.value) return null;
  return (
    <span class="transaction" role="group" aria-label={t('transaction.open')}>
      <span class="dot" />
      <span>{t('transaction.open')}</span>
      <CommandButton id="commit" label={t('transaction.commit')} />
      <CommandButton id="rollback" label={t('transaction.rollback')} />
    </span>
  );
}

/** What the engine is doing before it can run anything. */
function Progress() {
  const { stage, percent, error } = progress.value;
  if (stage === 'failed') {
    return (
      <p class="progress bad" role="alert">
        <span>{t('start.failed', { why: error ?? '' })}</span>
        <button type="button" onClick={() => retry()}>
          {t('start.retry')}
        </button>
      </p>
    );
  }
  if (stage === 'ready') return null;
  return (
    <div class="progress">
      <progress aria-label={t(`start.${stage}`)} max={100} value={percent ?? undefined} />
      <span>{t(`start.${stage}`)}</span>
      {percent !== null && <span>{percent} %</span>}
    </div>
  );
}

function SideBar() {
  const shown = panels.find(({ id }) => id === panel.value);
  const close = () => {
    const id = panel.value;
    showPanel('');
    document.getElementById(`rail-${id}`)?.focus();
  };
  return (
    <>
      <nav class="rail" aria-label={t('panels')}>
        {panels.map(({ id, icon }) => (
          <button
            key={id}
            id={`rail-${id}`}
            type="button"
            aria-pressed={panel.value === id}
            title={t(`panel.${id}`)}
            onClick={() => togglePanel(id)}
          >
            <Icon name={icon} />
            <span>{t(`panel.${id}`)}</span>
          </button>
        ))}
        <CommandButton id="samples" class="narrow-only" label={t('samples.short')} />
        <CommandButton id="open-file" class="narrow-only" label={t('open.short')} />
      </nav>
      {shown && (
        <aside
          class="panel"
          aria-label={t(`panel.${shown.id}`)}
          onKeyDown={(event) => event.key === 'Escape' && !running.value && close()}
        >
          <header>
            <h2>{t(`panel.${shown.id}`)}</h2>
            <button type="button" class="quiet square" aria-label={t('close')} onClick={close}>
              <Icon name="close" />
            </button>
          </header>
          <shown.View />
        </aside>
      )}
    </>
  );
}

/** The line between editor and results, which the pointer or arrow keys move. */
function Splitter() {
  const line = useRef(/** @type {HTMLDivElement | null} */ (null));
  const set = (/** @type {number} */ percent) => {
    const value = Math.round(Math.min(80, Math.max(15, percent)));
    document.documentElement.style.setProperty('--editor-height', `${value}%`);
    line.current?.setAttribute('aria-valuenow', String(value));
    setSetting('editor height', String(value));
  };
  const now = () => Number(line.current?.getAttribute('aria-valuenow'));
  useEffect(() => set(Number(setting('editor height') ?? 40)), []);
  return (
    <div
      ref={line}
      class="splitter"
      role="separator"
      tabIndex={0}
      aria-orientation="horizontal"
      aria-label={t('splitter')}
      aria-valuemin={15}
      aria-valuemax={80}
      aria-valuenow={40}
      onKeyDown={(event) => {
        const by = { ArrowUp: -4, ArrowDown: 4 }[event.key];
        if (by) {
          event.preventDefault();
          set(now() + by);
        }
      }}
      onPointerDown={(event) => {
        event.preventDefault();
        const { currentTarget, pointerId } = event;
        const box = /** @type {HTMLElement} */ (currentTarget.parentElement).getBoundingClientRect();
        currentTarget.setPointerCapture(pointerId);
        const move = (/** @type {PointerEvent} */ moved) => set((100 * (moved.clientY - box.top)) / box.height);
        currentTarget.addEventListener('pointermove', move);
        currentTarget.addEventListener(
          'lostpointercapture',
          () => currentTarget.removeEventListener('pointermove', move),
          { once: true },
        );
      }}
    />
  );
}

function Notice() {
  const said = notice.value;
  return (
    <section class="notices" aria-label={t('notices')}>
      <div role="status" class="sr-only">
        {said?.kind === 'info' ? said.text : occupation.value}
      </div>
      <div role="alert" class="sr-only">
        {said?.kind === 'bad' ? said.text : ''}
      </div>
      {said && (
        <div class={`notice ${said.kind}`} id="notice">
          <span>{said.text}</span>
          {said.action && (
            <button
              type="button"
              onClick={() => {
                const { run } = /** @type {any} */ (said.action);
                dismiss();
                run();
              }}
            >
              {said.action.label}
            </button>
          )}
          <button type="button" class="quiet square" aria-label={t('close')} onClick={dismiss}>
            <Icon name="close" />
          </button>
        </div>
      )}
    </section>
  );
}

export function App() {
  useEffect(() => {
    document.title = t('title');
  }, [language.value]);
  return (
    <>
      <a
        class="skip"
        href="#editor"
        onClick={(event) => {
          event.preventDefault();
          runCommand('focus-editor');
        }}
      >
        {t('skip')}
      </a>
      <Header />
      <div class="page">
        <SideBar />
        <main class="work">
          <h2 class="sr-only">{t('query')}</h2>
          <Tabs />
          <div class="halves">
            <Editor />
            <Splitter />
            <section id="results" class="results" aria-label={t('results')}>
              <Progress />
              <Results />
            </section>
          </div>
        </main>
      </div>
      <Notice />
      {openers.length > 0 && <DropZone />}
      {openDialogs.value.map((entry) => (
        <entry.dialog.View key={entry.dialog.id} props={entry.props} close={entry.close} />
      ))}
    </>
  );
}
