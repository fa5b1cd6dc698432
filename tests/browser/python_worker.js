/** A worker with Pyodide and the wheel, as a notebook has it: Python in, its value as JSON out. */

import { loadPyodide } from '/dist/pyodide/pyodide.mjs';

const ready = (async () => {
  const wheel = await (await fetch(`/dist/${new URLSearchParams(location.search).get('wheel')}`)).arrayBuffer();
  const pyodide = await loadPyodide({ indexURL: '/dist/pyodide/' });
  pyodide.unpackArchive(wheel, 'wheel');
  return pyodide;
})();

self.onmessage = async ({ data }) => {
  try {
    self.postMessage({ value: await (await ready).runPythonAsync(data) });
  } catch (error) {
    self.postMessage({ error: error.message });
  }
};
