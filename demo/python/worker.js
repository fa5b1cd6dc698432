/**
 * A worker with a Pyodide of its own, in which Python cells run. What they want of the database they ask the page, which has the connection.
 *
 * To it: {kind: 'run', code}; {kind: 'answer', call, value} or {kind: 'answer', call, error}. From it: {kind: 'print', text},
 * {kind: 'ask', call, what, args}, {kind: 'done', value} or {kind: 'done', error}.
 */

import cell from './cell.py';

const FOLDER = new URL('./engine/turso/pyodide/', self.location.href).href;
/** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
let calls = 0;
const tell = (/** @type {any} */ message) => self.postMessage(message);

/** Have the page do something. @param {string} what @param {any[]} args @returns {Promise<any>} */
function ask(what, args) {
  const call = ++calls;
  tell({ kind: 'ask', call, what, args });
  return new Promise((resolve, reject) => waiting.set(call, { resolve, reject }));
}

/** Python, with the module `cell`, and the namespace of the cells. */
async function start() {
  const { loadPyodide } = await import(`${FOLDER}pyodide.mjs`);
  // packages, as pandas, come from where Pyodide has them, when a cell imports them
  const listed = await fetch(new URL('./pyodide-lock.json', self.location.href));
  if (!listed.ok) throw new Error(`pyodide-lock.json: ${listed.status} ${listed.statusText}`);
  const lock = await listed.text();
  const pyodide = await loadPyodide({ indexURL: FOLDER, lockFileContents: lock });
  const print = (/** @type {string} */ text) => tell({ kind: 'print', text });
  pyodide.setStdout({ batched: print });
  pyodide.setStderr({ batched: print });
  pyodide.FS.writeFile('/lib/python3.14/site-packages/turso_playground.py', cell);
  const module = pyodide.pyimport('turso_playground');
  pyodide.globals.set(
    '_ask',
    async (/** @type {string} */ what, /** @type {any} */ first, /** @type {any} */ second) => {
      const plain = (/** @type {any} */ value) =>
        value?.toJs?.({ dict_converter: Object.fromEntries, create_proxies: false }) ?? value;
      const answer = await ask(what, [plain(first), plain(second)]);
      return pyodide.toPy(answer);
    },
  );
  pyodide.runPython(BRIDGE);
  return { pyodide, module, run: pyodide.globals.get('_run'), scope: pyodide.globals.get('_scope') };
}

/** Values come with letters for their kinds, as in JavaScript 1.0 is an integer, and null is not undefined. */
const BRIDGE = `
import turso_playground as _cell
from pyodide.code import eval_code_async as _evaluate
from pyodide.ffi import can_run_sync as _can_wait, run_sync as _run_sync, to_js as _to_js
from js import Object as _Object

_KINDS = {"r": float, "b": bytes, "n": lambda value: None}

async def _asked(what, *args):
    from pyodide.ffi import JsException
    try:
        answer = await _ask(what, *[_to_js(one, dict_converter=_Object.fromEntries) for one in args])
    except JsException as error:
        raise RuntimeError(error.message) from None
    if what != "query":
        return answer
    columns, values, kinds = answer
    values = [_KINDS[kind](value) if kind in _KINDS else value for kind, value in zip(kinds, values)]
    width = len(columns) or 1
    return columns, [tuple(values[i : i + width]) for i in range(0, len(values), width)] if columns else []

def _wait(awaitable):
    if not _can_wait():
        awaitable.close()
        raise RuntimeError("Python cannot wait in this browser: write await db.query(sql) in the place of db.execute(sql)")
    return _run_sync(awaitable)

_db = _cell.Database(_asked, _wait)
_scope = {"db": _db, "__name__": "__main__"}

async def _run(code):
    try:
        _db.sources.add(code)
        value = await _evaluate(code, _scope, filename=_cell.NAME)
        await _db.define()
        return _to_js(_cell.shown(value), dict_converter=_Object.fromEntries)
    except BaseException as error:
        return _to_js({"error": _cell.failed(error)}, dict_converter=_Object.fromEntries)
`;

/** @type {ReturnType<typeof start> | null} */
let started = null;

/** The packages that a cell imports, as far as Pyodide has them; what has failed. @param {any} pyodide @param {string} code @returns {Promise<string[]>} */
async function fetchPackages(pyodide, code) {
  /** @type {string[]} */
  const failures = [];
  await pyodide.loadPackagesFromImports(code, {
    messageCallback: (/** @type {string} */ text) => tell({ kind: 'print', text }),
    errorCallback: (/** @type {string} */ text) => failures.push(text.trim()),
  });
  return failures;
}

/** @param {string} code */
async function run(code) {
  try {
    started ??= start();
    const { pyodide, run } = await started;
    const failures = await fetchPackages(pyodide, code);
    const { error, ...value } = await run(code);
    if (error && failures.length && error.message.startsWith('ModuleNotFoundError')) {
      error.message += `. Packages are fetched from cdn.jsdelivr.net: ${failures.join(' ')}`;
    }
    tell(error ? { kind: 'done', error } : { kind: 'done', value });
  } catch (error) {
    started = null;
    tell({ kind: 'done', error: { message: String(/** @type {any} */ (error)?.message ?? error), line: 0 } });
  }
}

self.onmessage = ({ data }) => {
  if (data.kind === 'run') return run(data.code);
  const { resolve, reject } = /** @type {any} */ (waiting.get(data.call));
  waiting.delete(data.call);
  if (data.error) reject(new Error(data.error));
  else resolve(data.value);
};
