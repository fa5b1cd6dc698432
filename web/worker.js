/** The worker: a Server whose first session is on this worker's own messages. */

import { Server } from './server.js';

new Server().connect(self);
