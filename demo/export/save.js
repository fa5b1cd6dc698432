/** A file for the user: into the place they pick, piece by piece, where the browser can; else as a download. */

/**
 * @param {string} name @param {string} mime
 * @param {() => AsyncGenerator<string | Uint8Array, void>} pieces
 * @param {AbortSignal} signal
 * @returns {Promise<number>} bytes
 * @throws {DOMException} AbortError when the user picks no place, or stops it: no file is left half written
 */
export async function saveAs(name, mime, pieces, signal) {
  const picker = /** @type {any} */ (globalThis).showSaveFilePicker;
  const encoder = new TextEncoder();
  let bytes = 0;
  const encoded = async function* () {
    for await (const piece of pieces()) {
      signal.throwIfAborted();
      const part = typeof piece === 'string' ? encoder.encode(piece) : piece;
      bytes += part.length;
      yield part;
    }
  };
  if (picker) {
    const handle = await picker({ suggestedName: name });
    const target = await handle.createWritable();
    try {
      for await (const part of encoded()) await target.write(part);
      await target.close();
    } catch (error) {
      await target.abort();
      throw error;
    }
  } else {
    const parts = [];
    for await (const part of encoded()) parts.push(part);
    download(new Blob(parts, { type: mime }), name);
  }
  return bytes;
}

/** Give the user a file. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
