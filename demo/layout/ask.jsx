/** Questions: for a text, for a yes. */

import { useState } from 'preact/hooks';
import { t } from '../core/texts.js';
import { addDialog, openDialog } from '../registry.js';
import { DialogFrame } from './widgets.jsx';

/** @param {{props: any, close: (value?: any) => void}} given */
function Ask({ props, close }) {
  const [value, setValue] = useState(props.value ?? '');
  const problem = props.check?.(value.trim());
  return (
    <DialogFrame
      title={props.title}
      close={close}
      submit={props.submit ?? t('ok')}
      disabled={Boolean(problem) || !value.trim()}
      onSubmit={() => close(value.trim())}
    >
      <label class="field">
        <span>{props.label}</span>
        <input
          type="text"
          autocomplete="off"
          value={value}
          aria-invalid={Boolean(problem)}
          aria-describedby="ask-problem"
          onFocus={(event) => event.currentTarget.select()}
          onInput={(event) => setValue(event.currentTarget.value)}
          autofocus
        />
      </label>
      <p id="ask-problem" class="problem" role="alert">
        {value.trim() && problem ? t(problem) : ''}
      </p>
    </DialogFrame>
  );
}

/** @param {{props: any, close: (value?: any) => void}} given */
function Confirm({ props, close }) {
  return (
    <DialogFrame
      title={props.title}
      close={close}
      submit={props.submit}
      danger={props.danger}
      onSubmit={() => close(true)}
      extra={props.extra?.map((/** @type {any} */ one) => (
        <button type="button" onClick={() => close(one.value)}>
          {one.label}
        </button>
      ))}
    >
      <p>{props.text}</p>
      {props.code && <pre class="code">{props.code}</pre>}
    </DialogFrame>
  );
}

addDialog({ id: 'ask', View: Ask });
addDialog({ id: 'confirm', View: Confirm });

/**
 * Ask for a text; undefined when the user does not want to.
 * @param {{title: string, label: string, value?: string, submit?: string, check?: (value: string) => string | null}} question
 * check: the key of the text that says what is wrong with it
 * @returns {Promise<string | undefined>}
 */
export const ask = (question) => openDialog('ask', question);

/**
 * Ask whether something is to be done: true; undefined when not; the value of another button.
 * @param {{title: string, text: string, submit: string, danger?: boolean, code?: string, extra?: {label: string, value: any}[]}} question
 * @returns {Promise<any>}
 */
export const confirm = (question) => openDialog('confirm', question);
