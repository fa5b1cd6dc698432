/**
 * The service worker: the playground works offline after the first visit, and its page hears how far a download is.
 *
 * What the page itself needs is fetched when this worker is installed; the engine when it is asked for the first time, which its page
 * watches: a message {kind: 'progress', url, done, total} goes to all pages after each part. A build has a cache of its own.
 */

const BUILD = 'the build';
/** @type {string[]} */
const FILES = ['the files'];
const NAME = `playground ${BUILD}`;
const scope = /** @type {any} */ (self).registration.scope;
const isEngine = (/** @type {string} */ name) =>
  name.startsWith('engine/turso/') || name.startsWith('samples/') || name === 'pyodide-lock.json';
const known = new Set(FILES.map((name) => scope + name));

self.addEventListener('install', (/** @type {any} */ event) => {
  const shell = ['./', ...FILES.filter((name) => !isEngine(name))];
  event.waitUntil(
    caches
      .open(NAME)
      .then((cache) => cache.addAll(shell.map((name) => new Request(scope + name, { cache: 'no-cache' }))))
      .then(() => /** @type {any} */ (self).skipWaiting()),
  );
});

self.addEventListener('activate', (/** @type {any} */ event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) {
        if (name.startsWith('playground ') && name !== NAME) await caches.delete(name);
      }
      await /** @type {any} */ (self).clients.claim();
    })(),
  );
});

self.addEventListener('fetch', (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || request.headers.has('range')) return;
  if (request.mode === 'navigate' && url.origin + url.pathname === scope) event.respondWith(newestPage(request));
  else if (known.has(url.origin + url.pathname)) event.respondWith(kept(url.origin + url.pathname));
});

/** How long the page waits for the server's answer, in milliseconds, when it has itself. */
const PATIENCE = 200;

/** The page as the server has it now; the kept one when there is no network, or a slow one. @param {Request} request */
async function newestPage(request) {
  const kept = await caches.match(scope, { cacheName: NAME });
  const newest = fetch(request).catch(() => null);
  const late = new Promise((resolve) => setTimeout(() => resolve(null), PATIENCE));
  const response = await (kept ? Promise.race([newest, late]) : newest);
  return response?.ok ? response : (kept ?? response ?? Response.error());
}

/** @param {string} url */
async function kept(url) {
  const cache = await caches.open(NAME);
  const found = await cache.match(url);
  if (found) return found;
  const response = await fetch(url, { cache: 'no-cache' });
  if (!response.ok || !response.body) return response;
  const [seen, stored] = response.body.tee();
  const { headers } = response;
  cache.put(url, new Response(stored, { headers })).catch(() => cache.delete(url));
  return new Response(counted(seen, url, Number(headers.get('content-length')) || null), { headers });
}

/** @param {ReadableStream<Uint8Array>} body @param {string} url @param {number | null} total */
function counted(body, url, total) {
  let done = 0;
  return body.pipeThrough(
    new TransformStream({
      async transform(chunk, controller) {
        controller.enqueue(chunk);
        done += chunk.byteLength;
        tell({ kind: 'progress', url, done, total });
      },
    }),
  );
}

/** @param {object} message */
async function tell(message) {
  const pages = await /** @type {any} */ (self).clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) page.postMessage(message);
}
