/** The playground (demo/), served from the package to browsers of this machine. */

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export const PLAYGROUND_OPTIONS = new Set(['serve', '-playground', '--playground']);

const PACKAGE = fileURLToPath(new URL('.', import.meta.url));
const PLAYGROUND = join(PACKAGE, '..', 'playground', sep);
const ENGINE = '/engine/';
const DEFAULT_PORT = 8480;
const USAGE = `usage: turso-wasm serve [--port N]

Serves the playground on localhost only. Files that are opened there are copied into the browser, where they can be downloaded again.`;

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.webmanifest': 'application/manifest+json',
};

/** @param {string[]} args */
export async function servePlayground(args) {
  const port = read(args);
  const server = createServer(answer);
  server.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    fail(`port ${port} cannot be used (${error.code}): choose another with --port`);
  });
  server.listen(port, '127.0.0.1', () => {
    const { port: found } = /** @type {import('node:net').AddressInfo} */ (server.address());
    console.log(`The playground is at http://localhost:${found}/ (Ctrl-C ends it)`);
  });
}

/** The port. @param {string[]} args @returns {number} */
function read(args) {
  try {
    const options = {
      port: { type: /** @type {const} */ ('string') },
      help: { type: /** @type {const} */ ('boolean') },
    };
    const { values } = parseArgs({ args, options });
    if (values.help) {
      console.log(USAGE);
      process.exit(0);
    }
    const port = Number(values.port ?? DEFAULT_PORT);
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`not a port: ${values.port}`);
    return port;
  } catch (error) {
    return fail(`${/** @type {Error} */ (error).message}\n\n${USAGE}`);
  }
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`turso-wasm: ${message}`);
  process.exit(1);
}

/** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
function answer({ url = '/', method, headers }, response) {
  const { pathname } = new URL(url, 'http://localhost');
  if (!/^(?:localhost|127\.0\.0\.1)(?::\d+)?$/.test(headers.host ?? '')) {
    response.writeHead(403).end(); // some page's name that leads here
    return;
  }
  const path = inPackage(pathname);
  const found = path ? statSync(path, { throwIfNoEntry: false }) : null;
  if (!path || !found?.isFile() || !['GET', 'HEAD'].includes(`${method}`)) {
    response.writeHead(404).end();
    return;
  }
  const type = TYPES[extname(path)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'content-length': found.size, 'cache-control': 'no-cache' });
  if (method === 'HEAD') response.end();
  else
    createReadStream(path)
      .on('error', () => response.destroy())
      .pipe(response);
}

/** The file for a path; null where that leads elsewhere. What the playground calls engine/ is the package. @param {string} pathname @returns {string | null} */
function inPackage(pathname) {
  try {
    const wanted = decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
    const [folder, rest] = wanted.startsWith(ENGINE) ? [PACKAGE, wanted.slice(ENGINE.length)] : [PLAYGROUND, wanted];
    const path = join(folder, rest);
    return path.startsWith(folder) && !path.includes('\0') ? path : null;
  } catch {
    return null; // a % that is none
  }
}
