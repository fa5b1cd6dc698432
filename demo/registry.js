/**
 * Where features say what they bring: commands, panels, views of a result, dialogs. A feature is a module that calls these functions when
 * it is imported (features.js lists them); nothing else of the playground need know it. docs/playground.md has an example.
 */

import { signal } from '@preact/signals';

/**
 * @typedef {object} Command
 * @property {string} id unique; its name is the text `command.<id>`
 * @property {string} group where it is listed: 'query' | 'database' | 'result' | 'view' | 'help'
 * @property {(event?: Event) => unknown} run
 * @property {string[]} [keys] as "Mod-Enter", "F5", "Alt-n"; Mod is ⌘ on a Mac and Ctrl elsewhere
 * @property {boolean} [listed] false: only its keys are shown, not the palette (the editor runs it)
 * @property {() => boolean} [enabled]
 * @property {string} [icon]
 * @property {boolean} [menu] whether the database's menu has it
 *
 * @typedef {object} Panel a tab of the side bar
 * @property {string} id its title is the text `panel.<id>`
 * @property {string} icon
 * @property {import('preact').FunctionComponent<any>} View
 * @property {number} [order]
 *
 * @typedef {object} ResultView a way to look at a result set
 * @property {string} id its title is the text `view.<id>`
 * @property {(set: import('./core/results.js').ResultSet) => boolean} applies
 * @property {(set: import('./core/results.js').ResultSet) => boolean} [preferred] whether it is shown first
 * @property {import('preact').FunctionComponent<{set: import('./core/results.js').ResultSet}>} View
 * @property {number} [order]
 *
 * @typedef {object} EditorBar what stands above the query of a tab
 * @property {string} id
 * @property {(tab: import('./core/workspace.js').Tab) => boolean} applies
 * @property {import('preact').FunctionComponent<{tab: import('./core/workspace.js').Tab}>} View
 *
 * @typedef {object} Runner what runs tabs that are not SQL
 * @property {string} kind the tab's
 * @property {(db: import('./core/session.js').Database, text: string, show: (run: import('./core/runner.js').Run) => void) => Promise<import('./core/runner.js').Run>} run
 * @property {string} warning the key of what is asked before something is run that came with a link
 *
 * @typedef {object} Dialog
 * @property {string} id
 * @property {import('preact').FunctionComponent<{props: any, close: (value?: any) => void}>} View its first heading names the dialog
 *
 * @typedef {object} Opener what to do with a file that was dropped or picked
 * @property {string} id
 * @property {(file: File) => boolean | Promise<boolean>} accepts
 * @property {(file: File) => Promise<unknown>} open
 * @property {string} extensions for the picker: ".csv,.tsv"
 *
 * @typedef {object} Starter what else the page can begin with than the database that was open last
 * @property {string} id
 * @property {() => boolean} accepts whether the page's address asks for it
 * @property {() => Promise<unknown>} start
 */

/** @type {Map<string, Command>} */
export const commands = new Map();
/** @type {Panel[]} */
export const panels = [];
/** @type {ResultView[]} */
export const resultViews = [];
/** @type {EditorBar[]} */
export const editorBars = [];
/** By the kind of tab. @type {Map<string, Runner>} */
export const runners = new Map();
/** @type {Map<string, Dialog>} */
const dialogs = new Map();
/** The first that accepts a file opens it. @type {Opener[]} */
export const openers = [];

/** The first that accepts begins. @type {Starter[]} */
export const starters = [];

const byOrder = (/** @type {{order?: number}} */ a, /** @type {{order?: number}} */ b) =>
  (a.order ?? 50) - (b.order ?? 50);

/** @param {Command} command */
export function addCommand(command) {
  commands.set(command.id, command);
}

/** @param {Panel} panel */
export function addPanel(panel) {
  panels.push(panel);
  panels.sort(byOrder);
}

/** @param {ResultView} view */
export function addResultView(view) {
  resultViews.push(view);
  resultViews.sort(byOrder);
}

/** @param {EditorBar} bar */
export function addEditorBar(bar) {
  editorBars.push(bar);
}

/** @param {Runner} runner */
export function addRunner(runner) {
  runners.set(runner.kind, runner);
}

/** @param {Dialog} dialog */
export function addDialog(dialog) {
  dialogs.set(dialog.id, dialog);
}

/** @param {Opener} opener */
export function addOpener(opener) {
  openers.push(opener);
}

/** @param {Starter} starter */
export function addStarter(starter) {
  starters.push(starter);
}

/** Run a command, if it can be run now. @param {string} id @param {Event} [event] */
export function runCommand(id, event) {
  const command = commands.get(id);
  if (command && (command.enabled?.() ?? true)) return command.run(event);
}

/** The dialogs that are open, the topmost last. @type {import('@preact/signals').Signal<{dialog: Dialog, props: any, close: (value?: any) => void}[]>} */
export const openDialogs = signal([]);

/**
 * Show a dialog; what it was closed with, undefined when it was dismissed.
 * @param {string} id @param {any} [props] @returns {Promise<any>}
 */
export function openDialog(id, props = {}) {
  const dialog = dialogs.get(id);
  if (!dialog) throw new TypeError(`there is no dialog ${id}`);
  return new Promise((resolve) => {
    const entry = {
      dialog,
      props,
      close(/** @type {any} */ value) {
        openDialogs.value = openDialogs.value.filter((one) => one !== entry);
        resolve(value);
      },
    };
    openDialogs.value = [...openDialogs.value, entry];
  });
}
