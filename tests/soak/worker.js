/**
 * The engine's worker, which stops for good within its storage call number `at`, half of a write done, and asks to be terminated. With
 * `spins` it never returns from that call, which the browser needs two seconds to end; else it neither writes nor says anything more.
 */

import '/web/worker.js';

const parameters = new URL(self.location.href).searchParams;
const at = Number(parameters.get('at'));
let calls = 0;

/** Count the calls of methods; `half` does a part of the last one. */
function watch(prototype, names, half = () => {}) {
  for (const name of names) {
    const method = prototype[name];
    prototype[name] = function (...args) {
      calls++;
      if (calls < at) return method.apply(this, args);
      if (calls === at) {
        half(this, method, name, args);
        stop();
      }
      throw new Error('the worker is as good as dead');
    };
  }
}

function stop() {
  self.postMessage({ soak: 'terminate' });
  while (parameters.has('spins'));
  const mute = () => {};
  self.postMessage = mute;
  MessagePort.prototype.postMessage = mute;
  BroadcastChannel.prototype.postMessage = mute;
}

if (typeof FileSystemSyncAccessHandle !== 'undefined') {
  watch(FileSystemSyncAccessHandle.prototype, ['write', 'truncate', 'flush'], (file, method, name, [bytes, where]) => {
    if (name === 'write') method.call(file, bytes.subarray(0, bytes.length >> 1), where);
  });
}
watch(IDBObjectStore.prototype, ['put', 'delete']);
