/**
 * How much linear memory the engines of a worker hold, counted for every engine alike: by wrapping the platform's own
 * functions before it is loaded. Such memory never shrinks, so at the end it is the peak.
 */

/** @type {Set<WebAssembly.Memory>} */
const memories = new Set();

/** Begin; before the engine is loaded. */
export function watchMemories() {
  WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
    construct(target, args) {
      const memory = new target(...args);
      memories.add(memory);
      return memory;
    },
  });
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, args) {
      return noted(new target(...args));
    },
  });
  for (const name of ['instantiate', 'instantiateStreaming']) {
    const original = WebAssembly[name];
    WebAssembly[name] = async (...args) => {
      const result = await original.apply(WebAssembly, args);
      noted(result.instance ?? result);
      return result;
    };
  }
}

/** Bytes of each memory, the largest first. */
export function heldBytes() {
  return [...memories].map((memory) => memory.buffer.byteLength).sort((a, b) => b - a);
}

function noted(instance) {
  for (const value of Object.values(instance.exports)) {
    if (Object.prototype.toString.call(value) === '[object WebAssembly.Memory]') memories.add(value);
  }
  return instance;
}
