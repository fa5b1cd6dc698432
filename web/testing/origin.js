/**
 * What is done where the files are. Playwright sends the function as its text: it uses nothing from outside.
 *
 * @param {any[]} args 'write', name, content in base64; 'read', name: [content, log] in base64; 'remove', name; 'list': names
 * @returns {Promise<any>}
 */
export async function inOrigin([op, name, text]) {
  const COMPANIONS = ['-journal', '-wal', '-snapshots', '-import'];
  const missing = (/** @type {any} */ error) => {
    if (error?.name === 'NotFoundError') return null;
    throw error;
  };
  const root = await navigator.storage.getDirectory();
  const parts = (name ?? '').split('/').filter(Boolean);
  const leaf = parts.pop();
  /** @type {FileSystemDirectoryHandle | null} */
  let folder = root;
  for (const part of parts)
    folder = folder && (await folder.getDirectoryHandle(part, { create: op === 'write' }).catch(missing));

  const remove = async (/** @type {string} */ file) => {
    await folder?.removeEntry(file).catch((error) => {
      if (error?.name === 'NoModificationAllowedError') throw new Error(`${name} is open: close it first`);
      return missing(error);
    });
  };
  const read = async (/** @type {string} */ file) => {
    const handle = await folder?.getFileHandle(file).catch(missing);
    if (!handle) return null;
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    let characters = '';
    for (let at = 0; at < bytes.length; at += 0x8000)
      characters += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(characters);
  };

  if (op === 'list') {
    const names = [];
    for await (const [entry, handle] of /** @type {any} */ (root).entries())
      if (handle.kind === 'file') names.push(entry);
    return names.filter((entry) => !COMPANIONS.some((suffix) => entry.endsWith(suffix))).sort();
  }
  if (op === 'read') {
    const content = await read(leaf);
    if (content === null) throw new Error(`there is no database ${name} in this origin`);
    return [content, (await read(`${leaf}-wal`)) ?? ''];
  }
  for (const suffix of ['', ...COMPANIONS]) await remove(leaf + suffix);
  if (op === 'remove' || !folder) return null;
  const handle = await folder.getFileHandle(leaf, { create: true });
  const writable = await handle.createWritable();
  await writable.write(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)));
  await writable.close();
  return null;
}
