/** How long statements take that have not been seen before: from text to something that can run. */

/**
 * @param {import('./drivers.js').Driver} driver ours
 * @param {any} where
 * @returns {Promise<any>} milliseconds: the median, the 90th percentile and the first of all; the share of each stage
 */
export async function measurePrepare(driver, where) {
  const { pyodide } = driver.engine.compiler;
  const globals = pyodide.toPy({ __name__: 'compile_times' });
  const ask = (code) => JSON.parse(pyodide.runPython(`import json\njson.dumps(${code})`, { globals }));
  pyodide.runPython(await where.text('benchmarks/compile_times.py'), { globals });
  const { schema, statements } = ask('{"schema": SCHEMA, "statements": statements()}');
  const database = await driver.engine.open(':memory:');
  for (const sql of schema) database.exec(sql);
  const { kernel } = driver.engine;
  let loading = 0;
  let bytes = 0;
  const load = kernel.load;
  kernel.load = function (program) {
    const start = performance.now();
    const loaded = load.call(this, program);
    loading += performance.now() - start;
    bytes += program.wasm.length;
    return loaded;
  };
  const times = [];
  for (const sql of statements) {
    const start = performance.now();
    const statement = database.prepare(sql);
    times.push(performance.now() - start);
    statement.finalize();
  }
  kernel.load = load;
  await database.close();
  const stages = ask('measure()');
  for (const [name, file] of Object.entries({ QUERIES: 'queries', TPCH: 'data' })) {
    const own = pyodide.toPy({ __name__: file });
    pyodide.runPython(await where.text(`benchmarks/tpch/${file}.py`), { globals: own });
    globals.set(name, own.get(name === 'TPCH' ? 'SCHEMA' : name));
  }
  const large = ask('measure_large(TPCH, QUERIES)');
  const n = statements.length;
  const sorted = times.toSorted ? times.toSorted((a, b) => a - b) : [...times].sort((a, b) => a - b);
  return {
    n,
    first: times[0],
    median: sorted[n >> 1],
    p90: sorted[Math.floor(n * 0.9)],
    mean: times.reduce((a, b) => a + b) / n,
    stages: { ...stages, instantiate: loading / n },
    large,
    wasmBytes: bytes / n,
  };
}
