/** Tabs for Python, beside those for SQL. */

import { schema } from '../core/schema.js';
import { quoted } from '../core/sql.js';
import { t } from '../core/texts.js';
import { addTab } from '../core/workspace.js';
import { addCommand, addEditorBar, addRunner, runCommand } from '../registry.js';
import './python.css';

/** What a new cell begins with, on a table that there is. */
function example() {
  const table = schema.peek().tables.find(({ type }) => type === 'table');
  const from = table
    ? `\n\ndb.execute("SELECT * FROM ${quoted(table.name).replaceAll('"', '\\"')} LIMIT 10")`
    : '\n\ndb.execute("SELECT shout(\'hello\') AS said")';
  return `@db.function\ndef shout(text: str) -> str:  # SQL can call it: SELECT shout('hello')\n    return text.upper() + "!"${from}\n`;
}

addRunner({
  kind: 'python',
  run: async (db, text, show) => (await import('./python.js')).runPython(db, text, show),
  warning: 'python.foreign',
});
addEditorBar({
  id: 'python',
  applies: (tab) => tab.kind === 'python',
  View: () => <p class="python-about">{t('python.about')}</p>,
});
addCommand({
  id: 'new-python',
  group: 'query',
  icon: 'python',
  keys: ['Alt-y'],
  run: () => {
    addTab({ kind: 'python', text: example() });
    runCommand('focus-editor');
  },
});
