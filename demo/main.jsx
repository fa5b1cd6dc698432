/** The playground begins here: paint, then everything that takes time. */

import './style/style.css';
import { render } from 'preact';
import './features.js';
import { start } from './core/lifecycle.js';
import { App } from './layout/App.jsx';
import { applyTheme } from './layout/theme.js';

applyTheme();
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.replaceChildren();
render(<App />, root);
start();
