/** Commands of the editor. */

import { running } from '../core/runner.js';
import { activate, activeId, activeTab, addTab, closeTab, isSql, tabs } from '../core/workspace.js';
import { addCommand, runCommand } from '../registry.js';
import { editor, format, run, stop } from './query.js';

const group = 'query';
const isIdle = () => !running.value;

addCommand({ id: 'run', group, keys: ['Mod-Enter', 'F5'], icon: 'play', run: () => run('selection'), enabled: isIdle });
addCommand({
  id: 'run-statement',
  group,
  keys: ['Mod-Shift-Enter', 'Alt-Enter'],
  run: () => run('statement'),
  enabled: isIdle,
});
addCommand({ id: 'run-all', group, keys: ['Shift-F5'], run: () => run('all'), enabled: isIdle });
addCommand({ id: 'stop', group, keys: ['Escape'], icon: 'stop', run: stop, enabled: () => Boolean(running.value) });
addCommand({ id: 'format', group, keys: ['Alt-Shift-f'], icon: 'format', run: format, enabled: () => isSql.value });
addCommand({ id: 'new-tab', group, keys: ['Alt-n'], icon: 'plus', run: newTab });
addCommand({ id: 'close-tab', group, keys: ['Alt-w'], run: () => activeTab.value && closeTab(activeTab.value.id) });
addCommand({ id: 'next-tab', group, keys: ['Alt-PageDown'], run: () => step(1) });
addCommand({ id: 'previous-tab', group, keys: ['Alt-PageUp'], run: () => step(-1) });
addCommand({ id: 'focus-editor', group: 'view', keys: ['Alt-e'], run: focusEditor });

function newTab() {
  addTab();
  focusEditor();
}

function focusEditor() {
  // a new tab is shown first
  setTimeout(() => editor.peek()?.focus());
}

/** @param {number} by */
function step(by) {
  const all = tabs.value;
  const at = all.findIndex(({ id }) => id === activeId.value);
  activate(all[(at + by + all.length) % all.length].id);
}

/** The keys that the editor takes before its own. */
export const EDITOR_KEYS = [
  { key: 'Mod-Enter', run: () => does('run') },
  { key: 'Mod-Shift-Enter', run: () => does('run-statement') },
  { key: 'Alt-Enter', run: () => does('run-statement') },
];

/** @param {string} id */
function does(id) {
  runCommand(id);
  return true;
}
