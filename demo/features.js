/** Everything that the playground can do. A feature is a module that registers itself (registry.js); here it is switched on. */

import './layout/commands.js';
import './layout/help.jsx';
import './layout/palette.jsx';
import './layout/ask.jsx';
import './editor/commands.js';
import './editor/history.jsx';
import './editor/parameters.jsx';
import './results/grid_view.jsx';
import './results/viewer.jsx';
import './plans/plans.jsx';
import './charts/chart_view.jsx';
import './schema/tree.jsx';
import './schema/ddl.jsx';
import './schema/statistics.jsx';
import './databases/databases.jsx';
import './samples/samples.jsx';
import './databases/manager.jsx';
import './import/import.jsx';
import './import/script.jsx';
import './export/export.jsx';
import './share/share.jsx';
