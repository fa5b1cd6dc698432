/** The values of the trials: the same numbers and texts as benchmarks/values.py makes. */

/** Pseudo-random numbers below 2^31, the same in every language. @param {number} seed */
export function* numbers(seed) {
  for (let x = seed; ; ) {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
    yield x;
  }
}

/**
 * `n` rows of values.
 * @param {string[]} kinds "row", "random N" (1 to N), "text", "real"
 * @param {number} n
 * @param {number} seed
 */
export function makeRows(kinds, n, seed) {
  const random = numbers(seed);
  const next = () => /** @type {number} */ (random.next().value);
  const makers = kinds.map((kind) => {
    const [name, limit] = kind.split(' ');
    if (name === 'row') return (/** @type {number} */ i) => i + 1;
    if (name === 'random') return () => 1 + ((next() >>> 7) % Number(limit));
    if (name === 'text') return () => `name ${next() >>> 7}`;
    if (name === 'real') return () => (next() >>> 7) / 1024 + 0.25 / 1024;
    throw new Error(`unknown kind of value: ${kind}`);
  });
  return Array.from({ length: n }, (_, i) => makers.map((make) => make(i)));
}
