/** All keys, as the commands name them. */

import { t } from '../core/texts.js';
import { addDialog, commands } from '../registry.js';
import { keyName } from './keys.js';
import { DialogFrame } from './widgets.jsx';

const GROUPS = ['query', 'result', 'database', 'view', 'help'];

/** @param {{close: () => void}} given */
function Help({ close }) {
  const all = [...commands.values()].filter(({ keys }) => keys?.length);
  return (
    <DialogFrame title={t('help.title')} close={close} wide scrolls>
      <div class="key-list">
        {GROUPS.map((group) => {
          const here = all.filter((command) => command.group === group);
          return here.length ? (
            <section key={group}>
              <h3>{t(`group.${group}`)}</h3>
              <dl>
                {here.map(({ id, keys }) => (
                  <div key={id}>
                    <dt>{t(`command.${id}`)}</dt>
                    <dd>
                      {keys?.map((key) => (
                        <kbd key={key}>{keyName(key)}</kbd>
                      ))}
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ) : null;
        })}
        <section>
          <h3>{t('group.grid')}</h3>
          <dl>
            {['move', 'extend', 'open', 'edit', 'copy', 'all'].map((key) => (
              <div key={key}>
                <dt>{t(`grid.key.${key}`)}</dt>
                <dd>
                  {{
                    move: ['ArrowUp', 'ArrowDown'],
                    extend: ['Shift-ArrowDown'],
                    open: ['Enter'],
                    edit: ['F2'],
                    copy: ['Mod-c'],
                    all: ['Mod-a'],
                  }[key]?.map((one) => (
                    <kbd key={one}>{keyName(one)}</kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
      <p class="soft">{t('help.more')}</p>
    </DialogFrame>
  );
}

addDialog({ id: 'help', View: Help });
