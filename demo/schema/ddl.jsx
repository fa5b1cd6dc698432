/** The SQL of a table, to read and to copy. */

import { trying } from '../core/notices.js';
import { t } from '../core/texts.js';
import { DialogFrame } from '../layout/widgets.jsx';
import { addDialog } from '../registry.js';

/** @param {{props: {title: string, sql: string}, close: () => void}} given */
function Ddl({ props: { title, sql }, close }) {
  return (
    <DialogFrame
      title={title}
      close={close}
      wide
      extra={
        <button type="button" onClick={() => trying(() => navigator.clipboard.writeText(sql))}>
          {t('copy')}
        </button>
      }
    >
      <pre class="value" tabIndex={0}>
        {sql}
      </pre>
    </DialogFrame>
  );
}

addDialog({ id: 'ddl', View: Ddl });
