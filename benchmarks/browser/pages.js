/**
 * How a page for SQL starts: in a frame, which is looked at until it is ready. Milliseconds from its navigation: something is painted, one can
 * write, a query can be run; how long tasks have held its main thread meanwhile, beyond 50 ms each (Lighthouse's total blocking time).
 */

const PLAYGROUND = '/dist/playground/';
const PAGES = {
  ours: { url: PLAYGROUND, writable: '#editor .cm-content', ready: '#run[data-ready=true]' },
  // the start that sqlime has: SQLite's own build, on the page's thread, on a database in memory
  'sqlite-wasm': { url: '/benchmarks/browser/page_sqlite.html', writable: '#editor', ready: '#run[data-ready=true]' },
  // the start that DuckDB's shell has: its worker, from its npm package
  duckdb: { url: '/benchmarks/browser/page_duckdb.html', writable: '#editor', ready: '#run[data-ready=true]' },
};
/** A visit lasts a while: what is kept for the next one is kept then. */
const STAY_MS = 6_000;

/** @param {keyof typeof PAGES} name */
export async function look(name) {
  const { url, writable, ready } = PAGES[name];
  const frame = document.createElement('iframe');
  Object.assign(frame.style, { width: '1280px', height: '800px', border: '0' });
  frame.src = url;
  document.body.append(frame);
  const found = {};
  const inside = () => frame.contentDocument;
  const when = async (name, selector) => {
    while (!inside()?.querySelector(selector)) await new Promise((resolve) => setTimeout(resolve, 5));
    found[name] = frame.contentWindow.performance.now();
  };
  while (frame.contentWindow.location.pathname !== url) await new Promise((resolve) => setTimeout(resolve, 1));
  const tasks = [];
  new frame.contentWindow.PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ type: 'longtask', buffered: true });
  await Promise.all([when('writable', writable), when('ready', ready)]);
  const paint = frame.contentWindow.performance.getEntriesByName('first-contentful-paint')[0];
  const blocked = tasks.reduce((sum, { duration }) => sum + Math.max(0, duration - 50), 0);
  await new Promise((resolve) => setTimeout(resolve, STAY_MS));
  frame.remove();
  return { paint: paint?.startTime ?? null, ...found, blocked };
}
