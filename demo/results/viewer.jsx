/** A value in full: text, JSON, bytes, pictures; and the form that changes one. */

import { useEffect, useState } from 'preact/hooks';
import { trying } from '../core/notices.js';
import { hex, literal } from '../core/sql.js';
import { number, size, t } from '../core/texts.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addDialog } from '../registry.js';
import { editCell, originOf } from './edit.js';
import { isJson, pictureType, plainText, typeOf } from './values.js';

/** Bytes are shown so far; more would be no help and take long. */
const DUMPED = 64 * 1024;

/** Bytes as offsets, hexadecimal and characters. @param {Uint8Array} bytes */
export function dump(bytes) {
  const lines = [];
  for (let at = 0; at < Math.min(bytes.length, DUMPED); at += 16) {
    const part = bytes.subarray(at, at + 16);
    const characters = Array.from(part, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '·')).join(
      '',
    );
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex(part).replaceAll(/../g, '$& ').padEnd(48)} ${characters}`);
  }
  return lines.join('\n');
}

/** @param {{bytes: Uint8Array, type: string}} props */
function Picture({ bytes, type }) {
  const [url, setUrl] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([/** @type {any} */ (bytes)], { type }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [bytes]);
  return url ? <img class="picture" src={url} alt={t('value.picture')} /> : null;
}

/** @param {{value: any}} props */
function Content({ value }) {
  const [raw, setRaw] = useState(false);
  if (value instanceof Uint8Array) {
    const picture = pictureType(value);
    return (
      <>
        {picture && <Picture bytes={value} type={picture} />}
        <pre class="value" tabIndex={0}>
          {dump(value)}
        </pre>
        {value.length > DUMPED && <p class="soft">{t('value.cut', { size: size(DUMPED) })}</p>}
      </>
    );
  }
  const json = isJson(value);
  const text = json && !raw ? JSON.stringify(JSON.parse(value), null, 2) : value === null ? 'NULL' : plainText(value);
  return (
    <>
      {json && (
        <label class="check">
          <input type="checkbox" checked={raw} onChange={(event) => setRaw(event.currentTarget.checked)} />
          {t('value.as-stored')}
        </label>
      )}
      <pre class={`value ${value === null ? 'null' : ''}`} tabIndex={0}>
        {text}
      </pre>
    </>
  );
}

/** @param {any} value */
function factsOf(value) {
  if (value instanceof Uint8Array) return `BLOB · ${size(value.length)}`;
  const type = typeOf(value).toUpperCase();
  return typeof value === 'string'
    ? `${type}${isJson(value) ? ' · JSON' : ''} · ${t('value.characters', { count: number([...value].length) })}`
    : type;
}

/** @param {{props: {set: import('../core/results.js').ResultSet, row: number, column: number}, close: () => void}} given */
function Value({ props: { set, row, column }, close }) {
  const value = set.rows[row][column];
  const editable = !('problem' in originOf(set, column));
  return (
    <DialogFrame
      title={set.columns[column].name}
      close={close}
      wide
      extra={
        <>
          <span class="soft">{factsOf(value)}</span>
          <span class="spread" />
          {editable && (
            <button
              type="button"
              onClick={() => {
                close();
                trying(() => editCell(set, row, column));
              }}
            >
              {t('edit')}
            </button>
          )}
          <button type="button" onClick={() => trying(() => navigator.clipboard.writeText(plainText(value)))}>
            {t('copy')}
          </button>
        </>
      }
    >
      <Content value={value} />
    </DialogFrame>
  );
}

/** @type {Record<string, (text: string) => any>} */
const READ = {
  text: (text) => text,
  integer: (text) => (/^\s*[-+]?\d+\s*$/.test(text) ? BigInt(text.trim()) : undefined),
  real: (text) => (text.trim() && Number.isFinite(Number(text)) ? Number(text) : undefined),
  null: () => null,
  blob: (text) =>
    /^([0-9a-f]{2}|\s)*$/i.test(text)
      ? Uint8Array.from(text.match(/[0-9a-f]{2}/gi) ?? [], (pair) => Number.parseInt(pair, 16))
      : undefined,
};

/** @param {{props: any, close: (answer?: {value: any}) => void}} given */
function EditValue({ props, close }) {
  const [text, setText] = useState(props.text);
  const [type, setType] = useState(props.value === null ? 'text' : typeOf(props.value));
  const value = READ[type](text);
  const isSame = value !== undefined && literal(value) === literal(props.value);
  return (
    <DialogFrame
      title={t('edit.title', { column: props.title })}
      close={close}
      wide
      submit={t('edit.run')}
      disabled={value === undefined || isSame}
      onSubmit={() => close({ value })}
    >
      <label class="field">
        <span>{t('edit.value')}</span>
        <textarea
          rows={4}
          value={text}
          disabled={type === 'null'}
          autofocus
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>{t('edit.type')}</span>
        <select value={type} onChange={(event) => setType(event.currentTarget.value)}>
          {Object.keys(READ).map((one) => (
            <option key={one} value={one}>
              {t(`type.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <p class="soft">{t('edit.sql')}</p>
      <pre class="code" id="edit-sql">
        {value === undefined ? t('edit.bad') : props.sql(value)}
      </pre>
    </DialogFrame>
  );
}

addDialog({ id: 'value', View: Value });
addDialog({ id: 'edit-value', View: EditValue });
