/** What a tokenizer of the user's yields, as the kernel reads it (kernel/fts/user_tokens.py). */

const encoder = new TextEncoder();

/**
 * The tokens of a text.
 * @param {(text: string, ...settings: string[]) => Iterable<any[]>} tokenize gives [start, end, token, synonym, …]: places
 *   in the text, as JavaScript counts; without a token it is the text between
 * @param {string} text @param {string[]} settings
 * @returns {Uint8Array}
 */
export function packTokens(tokenize, text, ...settings) {
  const offsets = offsetsOf(text);
  /** @type {number[]} */ const out = [];
  for (const [start, end, ...tokens] of tokenize(text, ...settings)) {
    if (!Number.isInteger(start) || !Number.isInteger(end))
      throw new TypeError('a token must be [start, end, text, …]');
    if (start < 0 || start > end || end > text.length)
      throw new RangeError(`a token from ${start} to ${end} is not in the text`);
    let synonym = 0;
    for (const token of new Set(tokens.length ? tokens : [text.slice(start, end)])) {
      if (typeof token !== 'string') throw new TypeError(`a token must be a string, not ${typeof token}`);
      const bytes = encoder.encode(token);
      for (const number of [offsets[start], offsets[end], (bytes.length << 1) | synonym])
        out.push(number & 255, (number >> 8) & 255, (number >> 16) & 255, (number >> 24) & 255);
      for (const byte of bytes) out.push(byte);
      synonym = 1;
    }
  }
  return Uint8Array.from(out);
}

/** Where each unit of a text begins in UTF-8, and where the text ends. @param {string} text */
function offsetsOf(text) {
  const offsets = new Uint32Array(text.length + 1);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    offsets[i] = at;
    const code = /** @type {number} */ (text.codePointAt(i));
    if (code > 0xffff) offsets[++i] = at;
    at += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  offsets[text.length] = at;
  return offsets;
}
