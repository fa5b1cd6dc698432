/** The worker: a Server on this worker's messages. */

import { Server } from './server.js';

const server = new Server((message, transfer) => self.postMessage(message, { transfer }));
self.onmessage = (event) => server.receive(event.data);
