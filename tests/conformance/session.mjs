/** Run the cases of session.json on the JavaScript host: [cases, files in base64] as JSON on stdin, what each step gave out. */

import { readFileSync } from 'node:fs';
import { loadPyodide } from '../../dist/pyodide/pyodide.mjs';
import { Compiler, Engine, MemoryStorage } from '../../web/host.js';

const dist = new URL('../../dist/', import.meta.url);
const [cases, files] = JSON.parse(readFileSync(0, 'utf8'));
const pyodide = await loadPyodide();
const compiler = await Compiler.over(pyodide, readFileSync(new URL('compiler.pack', dist)));
let compiles = 0;
const { compile } = compiler;
compiler.compile = (...args) => {
  compiles++;
  return compile.apply(compiler, args);
};

async function run({ name, file, steps }) {
  const storage = new MemoryStorage();
  const engine = await Engine.create({ kernel: readFileSync(new URL('kernel.wasm', dist)), compiler, storage });
  const names = { a: 'case.db', b: 'case.db', c: 'other.db' };
  if (file) for (const target of ['case.db', 'other.db']) await storage.replace(target, new Blob([Buffer.from(files[file], 'base64')]));
  const databases = {};
  const statements = {};
  const found = [];
  for (const [who, what, ...args] of steps) {
    if (who) databases[who] ??= await engine.open(names[who]);
    try {
      found.push(act(databases[who], statements, what, args, names[who]));
    } catch (error) {
      if (error.code === undefined) throw new Error(`${name}: ${error.stack}`);
      found.push(error.message);
    }
  }
  await engine.close();
  return found;
}

function act(db, statements, what, [first, second], file) {
  if (what === 'exec') return db.exec(first) && null;
  if (what === 'prepare') return void (statements[first] = db.prepare(second)) ?? null;
  if (what === 'all') return statements[first].raw().all(...second);
  if (what === 'iterate') return iterated(statements[first].iterate(...second));
  if (what === 'query') return db.prepare(first).raw().all();
  if (what === 'names') return db.prepare(first).columns().map(({ name }) => name);
  if (what === 'file') return db.pragma('database_list')[0].file.endsWith(file) ? null : 'another file';
  const counted = compiles;
  compiles = 0;
  return counted;
}

/** How many rows come, and the message of the error that ends them. */
function iterated(rows) {
  let n = 0;
  try {
    for (const _ of rows) n++;
  } catch (error) {
    return [n, error.message];
  }
  return [n, null];
}

const results = [];
for (const one of cases) results.push(await run(one));
console.log(JSON.stringify(results, (_, value) => (typeof value === 'bigint' ? Number(value) : value)));
process.exit(0);
