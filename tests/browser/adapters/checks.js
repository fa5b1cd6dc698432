/** What the tests of the adapters check with, in Node and in a page. */

const plain = (value) =>
  JSON.stringify(value, (_, one) => {
    if (typeof one === 'bigint') return `${one}n`;
    if (ArrayBuffer.isView(one)) return [...new Uint8Array(one.buffer, one.byteOffset, one.byteLength)];
    return one === undefined ? 'undefined' : one;
  });

export function equal(found, wanted, what = '') {
  if (plain(found) !== plain(wanted)) throw new Error(`${what} ${plain(found)} is not ${plain(wanted)}`);
}

/** The error of something, which must fail. */
export async function fails(act, message) {
  let error;
  try {
    await act();
  } catch (caught) {
    error = caught;
  }
  if (!error) throw new Error(`it did not fail with ${message}`);
  const said = `${error.message} ${error.cause?.message ?? ''}`;
  if (!said.includes(message)) throw new Error(`it failed with ${said}, not ${message}`);
  return error;
}
