/** Light, dark, high contrast: what the system prefers, or what was chosen. */

import { signal } from '@preact/signals';
import { setSetting, setting } from '../core/kept.js';

export const THEMES = ['system', 'light', 'dark', 'contrast'];

export const theme = signal(setting('theme') ?? 'system');

const darkness = matchMedia('(prefers-color-scheme: dark)');
const contrast = matchMedia('(prefers-contrast: more)');
/** The theme in force. */
export const effectiveTheme = signal('light');

export function applyTheme() {
  const system = contrast.matches ? 'contrast' : darkness.matches ? 'dark' : 'light';
  effectiveTheme.value = theme.value === 'system' ? system : theme.value;
  document.documentElement.dataset.theme = effectiveTheme.value;
}

/** @param {string} chosen */
export function setTheme(chosen) {
  theme.value = chosen;
  setSetting('theme', chosen === 'system' ? null : chosen);
  applyTheme();
}

darkness.addEventListener('change', applyTheme);
contrast.addEventListener('change', applyTheme);
