/** Files that are dropped on the page, or picked, go to the first opener that takes them. */

import { useEffect, useState } from 'preact/hooks';
import { report, trying } from '../core/notices.js';
import { t } from '../core/texts.js';
import { openers } from '../registry.js';

/** @param {File} file */
export async function openFile(file) {
  for (const opener of openers) {
    if (await opener.accepts(file)) return trying(() => opener.open(file));
  }
  report(t('open.unknown', { name: file.name }));
}

/** Let the user pick a file. @returns {Promise<File | undefined>} */
export function pickFile() {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = openers.map(({ extensions }) => extensions).join(',');
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(input.files?.[0]));
    input.addEventListener('cancel', () => resolve(undefined));
    input.click();
  });
}

export function DropZone() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files');
    const dragover = (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const dragleave = (/** @type {DragEvent} */ event) => !event.relatedTarget && setOver(false);
    const drop = async (/** @type {DragEvent} */ event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      for (const file of event.dataTransfer?.files ?? []) await openFile(file);
    };
    addEventListener('dragover', dragover);
    addEventListener('dragleave', dragleave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', dragover);
      removeEventListener('dragleave', dragleave);
      removeEventListener('drop', drop);
    };
  }, []);
  return over ? (
    <div class="drop">
      <p>{t('open.drop')}</p>
    </div>
  ) : null;
}
