/** How the engine starts, in words and percent. The service worker tells how far downloads are (sw.js). */

import { signal } from '@preact/signals';

/**
 * @typedef {{stage: 'download' | 'kernel' | 'compiler' | 'opening' | 'ready' | 'failed', percent: number | null, error?: string}} Progress
 * @type {import('@preact/signals').Signal<Progress>}
 */
export const progress = signal(/** @type {Progress} */ ({ stage: 'download', percent: null }));

/** Of the engine's files, in bytes: what the percentage is of, as long as not all of them have begun to come. */
const EXPECTED = 14_300_000;

/** @type {Map<string, {done: number, total: number | null}>} */
const downloads = new Map();

/**
 * The service worker, if there can be one: then the playground starts offline at the next visit, and downloads are counted.
 * It does not wait longer than is worth it.
 */
export async function startServiceWorker() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  serviceWorker.addEventListener('message', ({ data }) => {
    if (data?.kind === 'progress' && data.url.includes('/engine/')) heard(data);
  });
  const registered = serviceWorker.register('./sw.js', { updateViaCache: 'none' }).catch(() => null);
  // at a later visit nothing waits for it; without one the playground works, too
  if (serviceWorker.controller) return;
  const registration = await registered;
  const { installing } = registration ?? {};
  // without an installation nobody will take this page over: a reload with Shift, for one
  if (!installing && !registration?.waiting) return;
  await new Promise((resolve) => {
    serviceWorker.addEventListener('controllerchange', resolve, { once: true });
    installing?.addEventListener('statechange', () => installing.state === 'redundant' && resolve(undefined));
    setTimeout(resolve, 4000);
  });
}

/** @param {{url: string, done: number, total: number | null}} download */
function heard({ url, done, total }) {
  downloads.set(url, { done, total });
  const all = [...downloads.values()];
  const known = all.reduce((sum, one) => sum + (one.total ?? one.done), 0);
  const came = all.reduce((sum, one) => sum + one.done, 0);
  const { stage } = progress.peek();
  if (stage === 'ready' || stage === 'failed') return;
  progress.value = { stage, percent: Math.min(99, Math.floor((100 * came) / Math.max(known, EXPECTED))) };
}

/** For `connect`. @param {'kernel' | 'compiler' | 'ready'} stage */
export function onStage(stage) {
  progress.value = {
    stage: stage === 'ready' ? 'opening' : stage,
    percent: stage === 'ready' ? 100 : progress.peek().percent,
  };
}
