/** Every text of the interface, in English and Japanese. */

import { DATABASES } from './databases.js';
import { EDITOR } from './editor.js';
import { FILES } from './files.js';
import { PAGE } from './page.js';
import { PYTHON } from './python.js';
import { RESULTS } from './results.js';
import { SCHEMA } from './schema.js';

/** @type {Record<string, [string, string]>} */
export const STRINGS = { ...PAGE, ...EDITOR, ...RESULTS, ...SCHEMA, ...DATABASES, ...FILES, ...PYTHON };
