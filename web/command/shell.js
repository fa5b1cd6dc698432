/** The thread of the shell: Python in Pyodide, the files of this machine, and the main thread's terminal. */

import { lstatSync, readdirSync, readFileSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { DiskStorage } from '../../vfs/disk.js';
import { commandPack, ownAssets } from '../locations.js';
import { installPack } from '../pack.js';
import { loadPyodide } from '../pyodide.js';
import * as host from '../python_host.js';

/** Folders of Pyodide's own. */
const NOT_MOUNTED = ['dev', 'lib', 'proc'];
const { args, interrupts, answers, columns } = workerData;
const port = /** @type {import('node:worker_threads').MessagePort} */ (/** @type {unknown} */ (parentPort));

const { kernel, pack, pyodide: files } = ownAssets();
const env = { ...process.env, COLUMNS: process.env.COLUMNS ?? `${columns ?? 80}` };
const pyodide = await loadPyodide(files, /** @type {any} */ ({ env }));
pyodide.runPython('import sys\nsys.path[:] = [path for path in sys.path if path]'); // not the folder where it is called
installPack(pyodide, read(pack));
installPack(pyodide, read(commandPack()), false);
mountFolders();
takeStreams();
pyodide.setInterruptBuffer(interrupts);
const main = pyodide.runPython('from turso_wasm.cli import main_in_node\nmain_in_node');
port.postMessage({ exit: main(args, read(kernel), host, new DiskStorage(), readLine) });

/** @param {string} url */
function read(url) {
  return new Uint8Array(readFileSync(fileURLToPath(url))); // Pyodide knows no Buffer
}

/** What the process has; a thread's own streams have no descriptors. */
function takeStreams() {
  /** @param {number} fd */
  const writer = (fd) => ({ isatty: isatty(fd), write: (/** @type {Uint8Array} */ bytes) => writeSync(fd, bytes) });
  pyodide.setStdin({ isatty: isatty(0), read: (/** @type {Uint8Array} */ into) => readSync(0, into) });
  pyodide.setStdout(writer(1));
  pyodide.setStderr(writer(2));
}

/** Paths mean in Python what they mean here. */
function mountFolders() {
  for (const name of readdirSync('/')) {
    const path = `/${name}`;
    const found = lstatSync(path);
    if (NOT_MOUNTED.includes(name)) continue;
    if (found.isSymbolicLink()) pyodide.FS.symlink(readlinkSync(path), path);
    if (!found.isDirectory()) continue;
    pyodide.FS.mkdirTree(path);
    pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: path }, path);
  }
  pyodide.FS.chdir(process.cwd());
}

/** A line of the terminal, undefined: there are no more. @param {string} prompt @param {(text: string) => string} complete @returns {string | undefined} */
function readLine(prompt, complete) {
  port.postMessage({ prompt });
  for (;;) {
    const message = receiveMessageOnPort(port)?.message;
    if (message?.complete !== undefined) port.postMessage({ candidates: complete(message.complete) });
    else if (message) return message.line ?? undefined;
    else Atomics.wait(answers, 0, Atomics.load(answers, 0), 100);
  }
}
