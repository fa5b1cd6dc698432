/** The editor itself: CodeMirror with SQLite's dialect. It is loaded behind the first paint. */

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
  completionStatus,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { SQLite, sql } from '@codemirror/lang-sql';
import {
  bracketMatching,
  defaultHighlightStyle,
  HighlightStyle,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language';
import { forEachDiagnostic, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, hoverTooltip, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { completions, tablesForCompletion } from './completion.js';
import { hoverOf } from './hover.js';

const dark = HighlightStyle.define([
  { tag: tags.keyword, color: '#5eead4' },
  { tag: [tags.string, tags.special(tags.string)], color: '#fbbf77' },
  { tag: [tags.number, tags.bool, tags.null], color: '#8ab4f8' },
  { tag: tags.comment, color: '#93a3b5', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: '#c4b5fd' },
]);

const light = HighlightStyle.define([
  { tag: tags.keyword, color: '#0b5f58', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: '#9a3412' },
  { tag: [tags.number, tags.bool, tags.null], color: '#1d4ed8' },
  { tag: tags.comment, color: '#5c6b7f', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: '#6d28d9' },
]);

const look = EditorView.theme({
  '&': { fontSize: '0.86rem', backgroundColor: 'var(--panel)', color: 'var(--ink)', height: '100%' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--accent)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '.cm-gutters': { backgroundColor: 'var(--panel)', color: 'var(--soft)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 55%, transparent)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--selection) !important',
  },
  '.cm-tooltip': {
    backgroundColor: 'var(--panel)',
    color: 'var(--ink)',
    border: '1px solid var(--line)',
    borderRadius: '8px',
    boxShadow: 'var(--shadow)',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    backgroundColor: 'var(--accent)',
    color: 'var(--accent-ink)',
  },
  '.cm-completionDetail': { marginLeft: '1em', fontStyle: 'normal', color: 'var(--soft)' },
  'li[aria-selected] .cm-completionDetail': { color: 'inherit' },
  '.cm-diagnostic-error': { borderLeftColor: 'var(--bad)' },
  '.cm-panels': { backgroundColor: 'var(--panel)', color: 'var(--ink)' },
});

/**
 * @param {HTMLElement} parent
 * @param {{label: string, onChange: (id: string, text: string) => void, keys: {key: string, run: () => boolean}[]}} options
 */
export function createEditor(parent, { label, onChange, keys }) {
  const language = new Compartment();
  const highlighting = new Compartment();
  const labelled = new Compartment();
  /** What is edited in each tab, with what can be undone there. @type {Map<string, EditorState>} */
  const states = new Map();
  let current = '';
  /** @type {import('../core/schema.js').Schema} */
  let schema = { tables: [], error: null, functions: [], pragmas: [], known: false };
  let isDark = false;
  let kind = '';
  /** Python's support, when a tab wanted it. @type {import('@codemirror/state').Extension | null} */
  let python = null;

  const languageOf = () => (kind === 'python' ? (python ?? []) : sqlLanguage());
  const sqlLanguage = () => [
    sql({ dialect: SQLite, upperCaseKeywords: true, schema: tablesForCompletion(schema) }),
    SQLite.language.data.of({ autocomplete: completions(() => schema) }),
  ];
  const closing = (/** @type {() => boolean} */ run) => {
    closeCompletion(view);
    return run();
  };
  const style = () => syntaxHighlighting(isDark ? dark : light, { fallback: false });
  const labels = (/** @type {string} */ text) =>
    EditorView.contentAttributes.of({ 'aria-label': text, spellcheck: 'false', autocapitalize: 'off' });
  const extensions = [
    Prec.highest(keymap.of(keys.map(({ key, run }) => ({ key, run: () => closing(run), preventDefault: true })))),
    lineNumbers(),
    history(),
    drawSelection(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ maxRenderedOptions: 60 }),
    highlightActiveLine(),
    highlightSelectionMatches(),
    hoverTooltip((/** @type {any} */ view, /** @type {number} */ at) =>
      kind ? null : hoverOf(view.state.doc.toString(), at, schema),
    ),
    language.of(languageOf()),
    highlighting.of(style()),
    syntaxHighlighting(defaultHighlightStyle, { fallback: true }),
    labelled.of(labels(label)),
    look,
    EditorView.lineWrapping,
    // Tab leaves the editor, as everything of the page can be reached with it; Ctrl-] and Ctrl-[ indent
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap]),
    EditorView.updateListener.of((update) => {
      if (update.docChanged && current) onChange(current, update.state.doc.toString());
    }),
  ];
  const view = new EditorView({ parent, state: EditorState.create({ doc: '', extensions }) });

  const refresh = () =>
    view.dispatch({ effects: [language.reconfigure(languageOf()), highlighting.reconfigure(style())] });
  return {
    focus: () => view.focus(),
    /** Whether a list of completions or a search is open, which Esc closes first. */
    isBusy: () => completionStatus(view.state) !== null || Boolean(parent.querySelector('.cm-panel')),
    text: () => view.state.doc.toString(),
    cursor: () => view.state.selection.main.head,
    selection: () => {
      const { from, to, empty } = view.state.selection.main;
      return empty ? null : { text: view.state.sliceDoc(from, to), at: from };
    },
    /** Show a tab; what can be undone in it is what was done in it. @param {string} id @param {string} text @param {string} [tongue] SQL if nothing else is said */
    show(id, text, tongue = '') {
      if (id === current) return;
      if (current) states.set(current, view.state);
      current = '';
      const state = states.get(id);
      view.setState(state && state.doc.toString() === text ? state : EditorState.create({ doc: text, extensions }));
      current = id;
      kind = tongue;
      refresh();
      if (kind === 'python' && !python) {
        import('@codemirror/lang-python').then((module) => {
          python = [module.python(), indentUnit.of('    ')];
          refresh();
        });
      }
    },
    /** @param {string} id */
    forget: (id) => states.delete(id),
    /** Change the text, which can be undone. @param {string} text @param {{from: number, to: number}} [range] */
    replace(text, { from, to } = { from: 0, to: view.state.doc.length }) {
      view.dispatch({
        changes: { from, to, insert: text },
        selection: { anchor: from + text.length },
        userEvent: 'input',
        scrollIntoView: true,
      });
    },
    /** Put text where the cursor is. @param {string} text */
    insert(text) {
      view.dispatch(view.state.replaceSelection(text), { userEvent: 'input', scrollIntoView: true });
      view.focus();
    },
    /** Underline what failed. @param {{from: number, to: number, message: string} | null} error */
    setError(error) {
      const length = view.state.doc.length;
      const found = error
        ? [
            {
              from: Math.min(error.from, length),
              to: Math.min(error.to, length),
              severity: /** @type {const} */ ('error'),
              message: error.message,
            },
          ]
        : [];
      let shown = 0;
      forEachDiagnostic(view.state, () => shown++);
      if (!found.length && !shown) return;
      view.dispatch(setDiagnostics(view.state, found));
      if (error) view.dispatch({ effects: EditorView.scrollIntoView(Math.min(error.from, length), { y: 'center' }) });
    },
    /** Where the word at a place ends. @param {number} at */
    wordEnd(at) {
      const word = view.state.wordAt(at);
      return word && word.from >= at - 0 ? word.to : Math.min(at + 1, view.state.doc.length);
    },
    /** @param {import('../core/schema.js').Schema} next */
    setSchema(next) {
      schema = next;
      refresh();
    },
    /** @param {boolean} on */
    setDark(on) {
      isDark = on;
      refresh();
    },
    /** @param {string} text */
    setLabel: (text) => view.dispatch({ effects: labelled.reconfigure(labels(text)) }),
    destroy: () => view.destroy(),
  };
}
