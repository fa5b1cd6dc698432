/** Results as tables: pages of rows, NULLs and blobs that look like what they are, errors with a caret. */

const PAGE = 100;

/** @param {string} tag @param {Record<string, any>} [properties] @param {...(Node | string)} children */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** @param {import('../web/index.js').SqlValue} value */
function cell(value) {
  if (value === null) return element('td', { className: 'null', textContent: 'NULL' });
  if (typeof value === 'number' || typeof value === 'bigint') {
    return element('td', { className: 'number', textContent: String(value) });
  }
  if (typeof value === 'string') return element('td', { textContent: value, title: value.length > 60 ? value : '' });
  const start = [...value.subarray(0, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const text = `blob, ${count(value.length, 'byte')}: ${start}${value.length > 12 ? ' …' : ''}`;
  return element('td', { className: 'blob', textContent: text });
}

/** @param {number} n @param {string} what */
export function count(n, what) {
  return `${n.toLocaleString('en')} ${what}${n === 1 ? '' : 's'}`;
}

/** What a statement did. @param {any} result @param {string} sql */
export function resultView(result, sql) {
  const text = sql
    .slice(result.start, result.end)
    .replace(/^(\s|--.*\n|\/\*[\s\S]*?\*\/)+/, '')
    .replace(/\s+/g, ' ')
    .trim();
  const what = result.columns.length ? count(result.rowCount, 'row') : changed(result);
  const time = `${(result.milliseconds + result.compileMilliseconds).toFixed(1)} ms`;
  const detail = `compiled in ${result.compileMilliseconds.toFixed(1)} ms, ran in ${result.milliseconds.toFixed(1)} ms`;
  const view = element(
    'article',
    { className: 'result' },
    element(
      'header',
      {},
      element('code', { textContent: text, title: text }),
      element('span', { textContent: what }),
      element('span', { textContent: time, title: detail }),
    ),
  );
  if (result.columns.length) view.append(...grid(result));
  return view;
}

/** @param {any} result */
function changed(result) {
  return ['insert', 'update', 'delete'].includes(result.kind) ? `${count(result.changes, 'row')} changed` : 'done';
}

/** A table and the buttons that turn its pages. @param {any} result */
function grid({ columns, rows, rowCount, truncated }) {
  const names = columns.map((/** @type {string} */ name) => element('th', { scope: 'col', textContent: name }));
  const head = element('thead', {}, element('tr', {}, element('th', { className: 'row', textContent: '#' }), ...names));
  const body = element('tbody');
  const table = element('table', {}, head, body);
  const where = element('span');
  const previous = /** @type {HTMLButtonElement} */ (element('button', { type: 'button', textContent: '‹ Previous' }));
  const next = /** @type {HTMLButtonElement} */ (element('button', { type: 'button', textContent: 'Next ›' }));
  let from = 0;
  const show = () => {
    const page = rows.slice(from, from + PAGE);
    const number = (/** @type {number} */ i) => element('td', { className: 'row', textContent: String(from + i + 1) });
    body.replaceChildren(
      ...page.map((/** @type {any[]} */ row, /** @type {number} */ i) =>
        element('tr', {}, number(i), ...row.map(cell)),
      ),
    );
    previous.disabled = from === 0;
    next.disabled = from + PAGE >= rows.length;
    const missing = truncated
      ? ` (${count(rowCount, 'row')} in all; the first ${rows.length.toLocaleString('en')} are kept)`
      : '';
    where.textContent = `Rows ${from + 1}–${from + page.length} of ${rows.length.toLocaleString('en')}${missing}`;
  };
  previous.onclick = () => {
    from = Math.max(0, from - PAGE);
    show();
  };
  next.onclick = () => {
    from += PAGE;
    show();
  };
  show();
  const scrolled = element('div', { className: 'grid', tabIndex: 0 }, table);
  if (rows.length <= PAGE && !truncated) return [scrolled];
  return [scrolled, element('div', { className: 'pages' }, previous, next, where)];
}

/** An error under the line it is about. @param {any} error @param {string} sql @param {number} offset in `sql`, -1: unknown */
export function errorView(error, sql, offset) {
  const code = error.code ? element('small', { textContent: ` ${error.code}` }) : '';
  const view = element('article', { className: 'result error' }, element('p', {}, error.message, code));
  view.setAttribute('role', 'alert');
  if (offset >= 0) {
    const start = sql.lastIndexOf('\n', offset - 1) + 1;
    const end = sql.indexOf('\n', offset);
    const line = sql.slice(start, end < 0 ? undefined : end);
    const before = sql.slice(start, offset).replace(/[^\t]/gu, ' ');
    view.append(element('pre', { textContent: `${line}\n${before}^` }));
  }
  return view;
}
