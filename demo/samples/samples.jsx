/** The choice of a sample. */

import { trying } from '../core/notices.js';
import { names } from '../core/session.js';
import { t } from '../core/texts.js';
import { switchTo } from '../databases/databases.jsx';
import { DialogFrame } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { openSample, QUERIES } from './open.js';

/** @param {{close: (value?: any) => void}} given */
function Samples({ close }) {
  return (
    <DialogFrame title={t('samples.title')} close={close}>
      <ul class="cards">
        {Object.entries(QUERIES).map(([id, queries]) => (
          <li key={id}>
            <h3>{t(`sample.${id}`)}</h3>
            <p>{t(`sample.${id}.about`)}</p>
            <ul class="soft">
              {queries().map(({ title }) => (
                <li key={title}>{title}</li>
              ))}
            </ul>
            <div class="row">
              <button type="button" class="primary" data-sample={id} onClick={() => close({ id })}>
                {t('samples.open')}
              </button>
              {names.value.includes(`${id}.db`) && (
                <button type="button" onClick={() => close({ id, back: true })}>
                  {t('samples.back')}
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
    </DialogFrame>
  );
}

addDialog({ id: 'samples', View: Samples });
addCommand({
  id: 'samples',
  group: 'database',
  icon: 'sample',
  keys: ['Alt-l'],
  menu: true,
  run: async () => {
    const chosen = await openDialog('samples');
    if (chosen) await trying(() => (chosen.back ? switchTo(`${chosen.id}.db`) : openSample(chosen.id)));
  },
});
