/** The SQL editor: CodeMirror with SQLite's dialect. Bundled into dist/editor.js (web/make_assets.py). */

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  closeCompletion,
  completionKeymap,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { SQLite, sql } from '@codemirror/lang-sql';
import { bracketMatching, defaultHighlightStyle, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { Compartment, EditorState, Prec } from '@codemirror/state';
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const darkHighlight = HighlightStyle.define([
  { tag: tags.keyword, color: '#5eead4' },
  { tag: [tags.string, tags.special(tags.string)], color: '#fbbf77' },
  { tag: [tags.number, tags.bool, tags.null], color: '#8ab4f8' },
  { tag: tags.comment, color: '#7c8b9c', fontStyle: 'italic' },
  { tag: [tags.typeName, tags.standard(tags.name)], color: '#c4b5fd' },
]);

const look = EditorView.theme({
  '&': { fontSize: '13.5px', backgroundColor: 'var(--panel)', color: 'var(--ink)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-content': { fontFamily: 'var(--mono)', padding: '10px 0', caretColor: 'var(--accent)' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--null)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'color-mix(in srgb, var(--hover) 60%, transparent)' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--ink)', border: '1px solid var(--line)' },
});

/**
 * @param {HTMLElement} parent
 * @param {{text: string, onRun: () => void, onChange: (text: string) => void}} options
 */
export function createEditor(parent, { text, onRun, onChange }) {
  const language = new Compartment();
  const theme = new Compartment();
  const run = () => {
    closeCompletion(view);
    onRun();
    return true;
  };
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        Prec.highest(
          keymap.of([
            { key: 'Mod-Enter', run },
            { key: 'F5', run, preventDefault: true },
          ]),
        ),
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        language.of(sql({ dialect: SQLite, upperCaseKeywords: true })),
        theme.of([]),
        look,
        EditorView.contentAttributes.of({ 'aria-label': 'SQL', spellcheck: 'false' }),
        EditorView.lineWrapping,
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap]),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    focus: () => view.focus(),
    text: () => view.state.doc.toString(),
    /** The selected text and where it begins, or everything. */
    selection() {
      const { from, to } = view.state.selection.main;
      const all = from === to;
      return { sql: all ? view.state.doc.toString() : view.state.sliceDoc(from, to), at: all ? 0 : from };
    },
    /** @param {string} doc */
    setText(doc) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: doc } });
    },
    /** Completion knows these. @param {Record<string, string[]>} tables */
    setSchema(tables) {
      view.dispatch({
        effects: language.reconfigure(sql({ dialect: SQLite, schema: tables, upperCaseKeywords: true })),
      });
    },
    /** @param {boolean} dark */
    setDark(dark) {
      const style = syntaxHighlighting(dark ? darkHighlight : defaultHighlightStyle);
      view.dispatch({ effects: theme.reconfigure([EditorView.darkTheme.of(dark), style]) });
    },
    /** Underline what is wrong, or nothing. @param {{at: number, message: string} | null} error */
    setError(error) {
      const length = view.state.doc.length;
      if (!error) return view.dispatch(setDiagnostics(view.state, []));
      const from = Math.min(error.at, length);
      const word = /^[\w$]+|^./u.exec(view.state.sliceDoc(from, from + 80))?.[0] ?? '';
      const to = Math.min(length, from + Math.max(1, word.length));
      view.dispatch(setDiagnostics(view.state, [{ from, to, severity: 'error', message: error.message }]));
    },
  };
}
