/** Which encoding a text file has. */

/** What TextDecoder knows and files have, for who wants to choose. */
export const ENCODINGS = [
  'utf-8',
  'utf-16le',
  'utf-16be',
  'windows-1252',
  'shift_jis',
  'euc-jp',
  'gb18030',
  'euc-kr',
  'windows-1251',
];

const SAMPLE = 256 * 1024;

/**
 * The encoding of a file's text: by its mark, or the first that fits. Every file fits windows-1252.
 * @param {Blob} file
 */
export async function encodingOf(file) {
  const bytes = new Uint8Array(await file.slice(0, SAMPLE).arrayBuffer());
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const zeros = bytes.subarray(0, 1024).reduce((all, byte, i) => (byte === 0 ? all + (i % 2 ? 1 : -1) : all), 0);
  if (Math.abs(zeros) > bytes.length / 8) return zeros > 0 ? 'utf-16le' : 'utf-16be';
  return ['utf-8', 'shift_jis', 'euc-jp'].find((encoding) => fits(bytes, encoding)) ?? 'windows-1252';
}

/** Whether bytes, whose last character may be cut off, are text of an encoding. @param {Uint8Array} bytes @param {string} encoding */
function fits(bytes, encoding) {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    // what decodes as Japanese by chance has half-width katakana or rare signs in it, not kana
    return encoding === 'utf-8' || /[\u3041-\u309f\u30a1-\u30fe]/.test(text);
  } catch {
    return false;
  }
}

/**
 * A file's text in pieces, with the part of the file that has been read.
 * @param {Blob} file @param {string} encoding
 * @returns {AsyncGenerator<{text: string, done: number}, void>}
 */
export async function* textOf(file, encoding) {
  const decoder = new TextDecoder(encoding);
  const reader = file.stream().getReader();
  let read = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      read += value.length;
      yield { text: decoder.decode(value, { stream: true }), done: read / file.size };
    }
    const rest = decoder.decode();
    if (rest) yield { text: rest, done: 1 };
  } finally {
    await reader.cancel();
  }
}
