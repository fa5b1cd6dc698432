/** Small parts that everything is made of: icons, buttons of commands, menus, the frame of dialogs. */

import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { t } from '../core/texts.js';
import { commands, runCommand } from '../registry.js';
import { keyName } from './keys.js';

const PATHS = {
  play: 'M7 4.5v15l12-7.500z',
  stop: 'M6 6h12v12H6z',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  table: 'M4 5h16v14H4zM4 10h16M10 10v9',
  view: 'M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 9.500a2.500 2.500 0 100 5 2.500 2.500 0 000-5z',
  index: 'M4 6h9M4 12h6M4 18h9M17 5v14M14 16l3 3 3-3',
  trigger: 'M13 3L5 14h6l-1 7 8-11h-6z',
  history: 'M4 12a8 8 0 108-8 8 8 0 00-6.500 3.300M5 3.500v4h4M12 8v4.500l3 2',
  star: 'M12 4l2.500 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8z',
  search: 'M10.500 4a6.500 6.500 0 100 13 6.500 6.500 0 000-13zM15.500 15.500L20 20',
  database:
    'M12 4c4.400 0 8 1.300 8 3s-3.600 3-8 3-8-1.300-8-3 3.600-3 8-3zM4 7v10c0 1.700 3.600 3 8 3s8-1.300 8-3V7M4 12c0 1.700 3.600 3 8 3s8-1.300 8-3',
  help: 'M9 9a3 3 0 115 2.200c-1.200.9-2 1.500-2 2.800M12 17.500h.01',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  filter: 'M4 5h16l-6.500 7.500V19l-3 1.500v-8z',
  chart: 'M4 20h16M7 16v-5M12 16V6M17 16v-8',
  plan: 'M5 5h5v4H5zM14 10h5v4h-5zM14 17h5v4h-5zM7.500 9v10H14M7.500 12H14',
  format: 'M4 6h16M4 12h10M4 18h13',
  edit: 'M4 20l1-4L16 5l3 3L8 19zM14 7l3 3',
  upload: 'M12 16V4M7 9l5-5 5 5M5 20h14',
  download: 'M12 4v12M7 11l5 5 5-5M5 20h14',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5',
  theme: 'M12 4a8 8 0 100 16zM12 4a8 8 0 010 16',
  menu: 'M4 7h16M4 12h16M4 17h16',
  sample:
    'M9 18V6l10-2v12M9 18a2.500 2.500 0 11-5 0 2.500 2.500 0 015 0zM19 16a2.500 2.500 0 11-5 0 2.500 2.500 0 015 0z',
  undo: 'M9 7L4.500 11.500 9 16M5 11.500h9a5 5 0 010 10h-2',
  link: 'M10 14a4 4 0 005.700 0l3-3A4 4 0 0013 5.300l-1 1M14 10a4 4 0 00-5.700 0l-3 3a4 4 0 005.700 5.700l1-1',
  diagram: 'M4 4h7v6H4zM13 14h7v6h-7zM7.500 10v7H13',
  python: 'M5 7l4 5-4 5M12 18h7',
  camera: 'M4 8h4l2-3h4l2 3h4v11H4zM12 10.500a3 3 0 100 6 3 3 0 000-6z',
  code: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
};

/** @param {{name: string}} props */
export function Icon({ name }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={/** @type {Record<string, string>} */ (PATHS)[name] ?? ''} />
    </svg>
  );
}

/**
 * A button that runs a command and tells its keys.
 * @param {{id: string, class?: string, text?: boolean, label?: string}} props
 */
export function CommandButton({ id, class: className = '', text = true, label }) {
  const command = commands.get(id);
  if (!command) return null;
  const name = label ?? t(`command.${id}`);
  const keys = command.keys?.[0] ? ` (${keyName(command.keys[0])})` : '';
  return (
    <button
      type="button"
      class={className}
      data-command={id}
      title={name + keys}
      aria-label={text ? undefined : name}
      disabled={!(command.enabled?.() ?? true)}
      onClick={(event) => runCommand(id, event)}
    >
      {command.icon && <Icon name={command.icon} />}
      {text && <span>{name}</span>}
    </button>
  );
}

/**
 * A button with a menu. Items: {label, run, icon, keys, checked, disabled}, or null for a line.
 * @param {{label: string, icon?: string, text?: string, class?: string, items: () => any[], id?: string}} props
 */
export function Menu({ label, icon, text, class: className = '', items, id }) {
  const [open, setOpen] = useState(false);
  const button = useRef(/** @type {HTMLButtonElement | null} */ (null));
  return (
    <>
      <button
        ref={button}
        id={id}
        type="button"
        class={className}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={text ? undefined : label}
        title={label}
        onClick={() => setOpen(!open)}
      >
        {icon && <Icon name={icon} />}
        {text && <span>{text}</span>}
      </button>
      {open && (
        <MenuList
          label={label}
          items={items()}
          anchor={/** @type {HTMLButtonElement} */ (button.current)}
          close={() => setOpen(false)}
        />
      )}
    </>
  );
}

/** @param {{label: string, items: any[], anchor: HTMLElement, close: () => void}} props */
function MenuList({ label, items, anchor, close }) {
  const list = useRef(/** @type {HTMLDivElement | null} */ (null));
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (list.current);
    const box = anchor.getBoundingClientRect();
    element.showPopover();
    const { offsetWidth, offsetHeight } = element;
    element.style.left = `${Math.max(8, Math.min(box.left, innerWidth - offsetWidth - 8))}px`;
    element.style.top = `${box.bottom + offsetHeight + 12 > innerHeight ? Math.max(8, box.top - offsetHeight - 4) : box.bottom + 4}px`;
    /** @type {HTMLElement | null} */ (element.querySelector('[role^="menuitem"]:not([disabled])'))?.focus();
    const toggled = (/** @type {any} */ event) => event.newState === 'closed' && close();
    element.addEventListener('toggle', toggled);
    return () => element.removeEventListener('toggle', toggled);
  }, []);
  const move = (/** @type {KeyboardEvent} */ event) => {
    const all = [.../** @type {HTMLElement} */ (list.current).querySelectorAll('[role^="menuitem"]:not([disabled])')];
    const at = all.indexOf(/** @type {any} */ (document.activeElement));
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      /** @type {any} */ (all.at(next % all.length))?.focus();
    } else if (event.key === 'Escape' || event.key === 'Tab') {
      if (event.key === 'Escape') event.preventDefault();
      event.stopPropagation();
      close();
      anchor.focus();
    }
  };
  return (
    <div ref={list} class="menu" role="menu" aria-label={label} popover="auto" onKeyDown={move}>
      {items.map((item, i) =>
        item === null ? (
          <hr key={i} />
        ) : (
          <button
            key={i}
            type="button"
            role={item.checked === undefined ? 'menuitem' : 'menuitemradio'}
            aria-checked={item.checked}
            tabIndex={-1}
            disabled={item.disabled}
            onClick={() => {
              close();
              anchor.focus();
              item.run();
            }}
          >
            {item.icon ? <Icon name={item.icon} /> : <span class="icon">{item.checked ? '✓' : ''}</span>}
            <span>{item.label}</span>
            {item.keys && <kbd>{keyName(item.keys)}</kbd>}
          </button>
        ),
      )}
    </div>
  );
}

/**
 * The frame of a dialog: a heading, what is inside, buttons; scrolls: nothing in it takes the focus, which then scrolls it. Enter in a field is the button that `onSubmit` is; Esc closes.
 * @param {{title: string, close: (value?: any) => void, onSubmit?: () => unknown, submit?: string, danger?: boolean, disabled?: boolean, wide?: boolean, scrolls?: boolean, children: any, extra?: any}} props
 */
export function DialogFrame({ title, close, onSubmit, submit, danger, disabled, wide, scrolls, children, extra }) {
  const id = useId();
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useLayoutEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    const element = /** @type {HTMLDialogElement} */ (dialog.current);
    element.showModal();
    return () => {
      // as long as it is open nothing else can have the focus
      element.close();
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? 'wide' : ''}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          if (!disabled) onSubmit?.();
        }}
      >
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="quiet square" aria-label={t('close')} onClick={() => close()}>
            <Icon name="close" />
          </button>
        </header>
        <div class="dialog-body" tabIndex={scrolls ? 0 : undefined}>
          {children}
        </div>
        {(submit || extra) && (
          <footer>
            {extra}
            {submit && (
              <>
                <button type="button" onClick={() => close()}>
                  {t('cancel')}
                </button>
                <button type="submit" class={danger ? 'danger' : 'primary'} disabled={disabled}>
                  {submit}
                </button>
              </>
            )}
          </footer>
        )}
      </form>
    </dialog>
  );
}

/** A box to tick, with its label. @param {{label: string, checked: boolean, onChange: (checked: boolean) => void}} props */
export function Check({ label, checked, onChange }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
