/** The values of a query's parameters. */

import { useState } from 'preact/hooks';
import { t } from '../core/texts.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addDialog } from '../registry.js';

/** What was typed last, by parameter. @type {Map<string, {text: string, type: string}>} */
const last = new Map([[':country', { text: 'Japan', type: 'auto' }]]);

/** A value from what was typed. @param {{text: string, type: string}} typed */
export function typedValue({ text, type }) {
  if (type === 'null') return null;
  if (type === 'text') return text;
  if (type === 'blob')
    return Uint8Array.from(text.replaceAll(/[^0-9a-f]/gi, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  if (/^[-+]?\d+$/.test(text.trim())) return BigInt(text);
  // a REAL even when it is whole; the engine makes an INTEGER of a safe number
  if (/^[-+]?(\d+\.\d*|\.?\d+)(e[-+]?\d+)?$/i.test(text.trim())) return Number(text);
  return text;
}

/** @param {{props: {names: string[]}, close: (value?: any) => void}} given */
function Parameters({ props: { names }, close }) {
  const [typed, setTyped] = useState(() =>
    Object.fromEntries(names.map((name) => [name, last.get(name) ?? { text: '', type: 'auto' }])),
  );
  const set = (/** @type {string} */ name, /** @type {any} */ change) =>
    setTyped({ ...typed, [name]: { ...typed[name], ...change } });
  return (
    <DialogFrame
      title={t('parameters.title')}
      close={close}
      submit={t('command.run')}
      onSubmit={() => {
        for (const name of names) last.set(name, typed[name]);
        close(Object.fromEntries(names.map((name) => [name, typedValue(typed[name])])));
      }}
    >
      <div class="parameters">
        {names.map((name, i) => (
          <label key={name} class="field">
            <code>{name}</code>
            <input
              type="text"
              value={typed[name].type === 'null' ? '' : typed[name].text}
              disabled={typed[name].type === 'null'}
              autofocus={i === 0}
              autocomplete="off"
              onInput={(event) => set(name, { text: event.currentTarget.value })}
            />
            <select
              aria-label={t('parameters.type', { name })}
              value={typed[name].type}
              onChange={(event) => set(name, { type: event.currentTarget.value })}
            >
              {['auto', 'text', 'blob', 'null'].map((type) => (
                <option key={type} value={type}>
                  {t(`type.${type}`)}
                </option>
              ))}
            </select>
          </label>
        ))}
      </div>
    </DialogFrame>
  );
}

addDialog({ id: 'parameters', View: Parameters });
