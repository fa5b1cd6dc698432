/** Keys as commands name them: "Mod-Enter", "Alt-Shift-f", "?". */

import { commands, openDialogs, runCommand } from '../registry.js';

export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The key of an event, as commands name it. @param {KeyboardEvent} event */
export function keyOf(event) {
  const parts = [];
  if (isMac ? event.metaKey : event.ctrlKey) parts.push('Mod');
  if (isMac && event.ctrlKey) parts.push('Ctrl');
  if (event.altKey) parts.push('Alt');
  // of characters the shift key is in the character
  if (event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key))) parts.push('Shift');
  // Alt makes other characters of letters on a Mac
  const letter = event.altKey && /^(Key|Digit)/.test(event.code) ? event.code.slice(-1).toLowerCase() : event.key;
  parts.push(letter.length === 1 ? letter.toLowerCase() : letter);
  return parts.join('-');
}

/** @param {string} key how a person reads it */
export function keyName(key) {
  const names = {
    Mod: isMac ? '⌘' : 'Ctrl',
    Alt: isMac ? '⌥' : 'Alt',
    Shift: isMac ? '⇧' : 'Shift',
    Enter: '⏎',
    Escape: 'Esc',
    ArrowUp: '↑',
    ArrowDown: '↓',
  };
  const named = (/** @type {string} */ part) =>
    /** @type {Record<string, string>} */ (names)[part] ?? (part.length === 1 ? part.toUpperCase() : part);
  return key
    .split(/-(?=.)/)
    .map(named)
    .join(isMac ? '' : ' ');
}

/** Whether keys without a modifier are text there. @param {EventTarget | null} target */
function takesText(target) {
  const element = /** @type {HTMLElement | null} */ (target);
  return Boolean(element?.closest?.('input, textarea, select, [contenteditable="true"], .cm-editor'));
}

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  const key = keyOf(event);
  const plain = !/^(Mod|Ctrl|Alt)-|^F\d+$|^Escape$/.test(key);
  if (plain && takesText(event.target)) return;
  // a dialog has the keyboard to itself
  if (openDialogs.peek().length) return;
  for (const command of commands.values()) {
    if (!command.keys?.includes(key) || !(command.enabled?.() ?? true)) continue;
    event.preventDefault();
    runCommand(command.id, event);
    return;
  }
});
