/** The palette: every command, found by its name. */

import { useState } from 'preact/hooks';
import { schema } from '../core/schema.js';
import { t } from '../core/texts.js';
import { addDialog, commands, runCommand } from '../registry.js';
import { showRows } from '../schema/tree.jsx';
import { keyName } from './keys.js';
import { DialogFrame } from './widgets.jsx';

/** What can be chosen: commands, and tables to look into. */
function entries() {
  const all = [...commands.values()].filter(({ id, enabled }) => id !== 'palette' && (enabled?.() ?? true));
  const tables = schema.peek().tables.filter(({ type }) => type !== 'shadow');
  return [
    ...all.map((command) => ({
      key: command.id,
      label: t(`command.${command.id}`),
      keys: command.keys?.[0],
      run: () => runCommand(command.id),
    })),
    ...tables.map(({ name }) => ({
      key: `table ${name}`,
      label: t('palette.table', { name }),
      keys: undefined,
      run: () => showRows(name),
    })),
  ];
}

/** @param {{close: () => void}} given */
function Palette({ close }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = entries().filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  const chosen = found[Math.min(at, found.length - 1)];
  const choose = (/** @type {typeof chosen} */ entry) => {
    close();
    if (entry) setTimeout(entry.run);
  };
  return (
    <DialogFrame title={t('command.palette')} close={close} onSubmit={() => choose(chosen)}>
      <input
        type="text"
        role="combobox"
        aria-label={t('palette.label')}
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen ? `palette-${found.indexOf(chosen)}` : undefined}
        placeholder={t('palette.label')}
        value={text}
        autofocus
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
          if (!by || !found.length) return;
          event.preventDefault();
          const next = (Math.min(at, found.length - 1) + by + found.length) % found.length;
          setAt(next);
          document.getElementById(`palette-${next}`)?.scrollIntoView({ block: 'nearest' });
        }}
      />
      <ul id="palette-list" class="choices" role="listbox" aria-label={t('command.palette')}>
        {found.map((entry, i) => (
          <li
            key={entry.key}
            id={`palette-${i}`}
            role="option"
            tabIndex={-1}
            aria-selected={entry === chosen}
            onClick={() => choose(entry)}
          >
            <span>{entry.label}</span>
            {entry.keys && <kbd>{keyName(entry.keys)}</kbd>}
          </li>
        ))}
      </ul>
    </DialogFrame>
  );
}

addDialog({ id: 'palette', View: Palette });
