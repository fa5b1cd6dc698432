/** Commands of the page as a whole. */

import { signal } from '@preact/signals';
import { setSetting, setting } from '../core/kept.js';
import { language, t } from '../core/texts.js';
import { addCommand, openDialog, panels } from '../registry.js';
import { setTheme, THEMES, theme } from './theme.js';

/** The panel of the side bar that is shown; empty: none. */
export const panel = signal('');
const narrow = matchMedia('(max-width: 760px)');
const asKept = () => {
  panel.value = narrow.matches ? '' : (setting('panel') ?? 'schema');
};
asKept();
// in a window that becomes narrow, or is zoomed, it would lie over everything
narrow.addEventListener('change', asKept);

/** @param {string} id */
export function showPanel(id) {
  panel.value = id;
  if (!narrow.matches) setSetting('panel', id);
}

/** Show a panel, or hide it when it is shown. @param {string} id */
export function togglePanel(id) {
  showPanel(panel.value === id ? '' : id);
}

addCommand({ id: 'palette', group: 'help', keys: ['Mod-k', 'F1'], icon: 'search', run: () => openDialog('palette') });
addCommand({ id: 'help', group: 'help', keys: ['?', 'Shift-F1'], icon: 'help', run: () => openDialog('help') });
addCommand({
  id: 'theme',
  group: 'view',
  icon: 'theme',
  run: () => setTheme(THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]),
});
addCommand({
  id: 'language',
  group: 'view',
  run: () => {
    language.value = language.value === 'en' ? 'ja' : 'en';
    setSetting('language', language.value);
    document.title = t('title');
  },
});
addCommand({
  id: 'side-bar',
  group: 'view',
  keys: ['Mod-b'],
  icon: 'menu',
  run: () => showPanel(panel.value ? '' : (panels[0]?.id ?? '')),
});
addCommand({
  id: 'focus-results',
  group: 'view',
  keys: ['Alt-r'],
  run: () => /** @type {HTMLElement | null} */ (document.querySelector('#results [tabindex="0"]'))?.focus(),
});
addCommand({
  id: 'focus-panel',
  group: 'view',
  keys: ['Alt-s'],
  run: () => {
    if (!panel.value) showPanel('schema');
    requestAnimationFrame(() =>
      /** @type {HTMLElement | null} */ (
        document.querySelector('.panel [tabindex="0"], .panel input, .panel button')
      )?.focus(),
    );
  },
});
