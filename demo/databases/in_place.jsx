/** Databases that are read where they are, without a copy in the browser: files of the user's that are large, and those of web servers. */

import { trying } from '../core/notices.js';
import { databaseName, open } from '../core/session.js';
import { size, t } from '../core/texts.js';
import { openWorkspace } from '../core/workspace.js';
import { ask, confirm } from '../layout/ask.jsx';
import { addCommand } from '../registry.js';
import { mayLeave } from './databases.jsx';

/** A copy of a file that is smaller is made at once; a larger one is asked about. */
const LARGE = 20_000_000;

/** Open what is not the browser's, read-only. @param {File | URL} source */
export async function openInPlace(source) {
  if (!(await mayLeave())) return;
  // a server that gives no parts of a file is asked for the whole
  await open(source, source instanceof URL ? { download: true } : {});
  databaseName.value = t('place.name', { name: databaseName.peek() });
  await openWorkspace(databaseName.peek());
}

/**
 * Whether a file is to be copied into the browser.
 * @param {File} file @returns {Promise<'copy' | 'in place' | null>} null: neither
 */
export async function placeFor(file) {
  if (file.size < LARGE) return 'copy';
  const answer = await confirm({
    title: t('place.title', { name: file.name, size: size(file.size) }),
    text: t('place.text'),
    submit: t('place.copy'),
    extra: [{ label: t('place.here'), value: 'in place' }],
  });
  return answer === true ? 'copy' : (answer ?? null);
}

addCommand({
  id: 'open-address',
  group: 'database',
  icon: 'link',
  menu: true,
  run: async () => {
    const check = (/** @type {string} */ text) => (URL.canParse(text) ? null : 'place.no-address');
    const address = await ask({
      title: t('command.open-address'),
      label: t('place.address'),
      value: 'https://',
      check,
    });
    if (address) await trying(() => openInPlace(new URL(address)));
  },
});
