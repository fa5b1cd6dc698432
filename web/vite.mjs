/**
 * A plugin for Vite: the statements of an application's modules, compiled when it is built (docs/start-up.md).
 *
 *     import { tursoWasm } from 'turso-wasm/vite';
 *     export default { plugins: [tursoWasm({ schema: 'schema.sql' })] };
 *
 * Statements are what stands in template literals tagged `sql`. `virtual:turso-wasm` gives the options of `connect` for their Programs,
 * a file that the plugin adds to the build. While developing there are none: statements change, and are compiled in the page.
 */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PACKAGE = 'turso-wasm';
const VIRTUAL = 'virtual:turso-wasm';
const RESOLVED = `\0${VIRTUAL}`;
const HERE = dirname(fileURLToPath(import.meta.url));
const PLACE = 'turso-wasm: where the files are'; // stands in a chunk until that is known
const IN_CODE = new RegExp(`(["'\`])${PLACE}\\1`, 'g');
/** What only a compiler needs, as the package's modules name it (build_package.mjs). */
const OF_COMPILER = /new URL\("\.\/turso\/(compiler\.pack|pyodide\/[^"]+)", import\.meta\.url\)\.href/g;

/**
 * @typedef {object} Options
 * @property {string | string[]} [schema] files that make the database, and are said to it after opening, in order; relative to Vite's root
 * @property {boolean} [compiler] false: the build has no compiler; other statements fail
 * @property {string} [command] another program `turso-wasm`, of the Python package, say, which is faster
 */

/** @param {Options} [options] */
export function tursoWasm({ schema = [], compiler = true, command } = {}) {
  const scripts = typeof schema === 'string' ? [schema] : schema;
  /** By module. @type {Map<string, string[]>} */
  const statements = new Map();
  /** @type {any} Vite's configuration */
  let config;
  /** @type {string | undefined} the Programs' file in the build that is being rendered */
  let programs;

  const withoutCompiler = {
    name: `${PACKAGE}: no compiler`,
    apply: /** @type {const} */ ('build'),
    enforce: /** @type {const} */ ('pre'), // Vite adds the files that it sees
    transform: (/** @type {string} */ code) => (code.match(OF_COMPILER) ? { code: code.replace(OF_COMPILER, "''"), map: null } : undefined),
  };
  const ofStatements = {
    name: PACKAGE,
    enforce: /** @type {const} */ ('post'), // modules are JavaScript then

    config() {
      // what Vite bundles ahead is not where its worker and its assets are
      return { optimizeDeps: { exclude: [PACKAGE] }, worker: { format: /** @type {const} */ ('es') } };
    },

    configResolved(/** @type {any} */ resolved) {
      config = resolved;
      if (config.command === 'serve') config.server.fs.allow.push(HERE); // also where the package is only linked to
    },

    resolveId(/** @type {string} */ id) {
      return id === VIRTUAL ? RESOLVED : undefined;
    },

    load(/** @type {string} */ id) {
      if (id !== RESOLVED) return undefined;
      if (config.command === 'serve') return 'export default {};';
      for (const script of scripts) /** @type {any} */ (this).addWatchFile(script);
      return `export default '${PLACE}';`;
    },

    transform(/** @type {string} */ code, /** @type {string} */ id) {
      if (config.command !== 'build' || id === RESOLVED || !code.includes(PACKAGE)) return;
      const context = /** @type {any} */ (this);
      const found = taggedTemplates(context.parse(code));
      const wrong = found.find(({ quasi }) => quasi.expressions.length);
      if (wrong) context.error('sql takes no values: parameters are ? or :name', wrong.start);
      statements.set(
        id,
        found.map(({ quasi }) => quasi.quasis[0].value.cooked),
      );
    },

    async renderStart() {
      const context = /** @type {any} */ (this);
      const modules = new Set(context.getModuleIds());
      programs = undefined;
      if (!modules.has(RESOLVED)) return;
      const source = await compiled(
        context,
        [...statements].filter(([id]) => modules.has(id)),
      );
      programs = `${config.build.assetsDir}/${PACKAGE}-${digest(source)}.programs`;
      context.emitFile({ type: 'asset', fileName: programs, source });
    },

    renderChunk(/** @type {string} */ code, /** @type {{fileName: string}} */ chunk) {
      if (!programs || !code.includes(PLACE)) return undefined;
      const path = JSON.stringify(posix.relative(posix.dirname(chunk.fileName), programs));
      const options = [`programs: new URL(${path}, import.meta.url).href`];
      if (!compiler) options.push('compiler: false');
      return { code: code.replace(IN_CODE, () => `({ ${options.join(', ')} })`), map: null };
    },
  };
  return compiler ? [ofStatements] : [withoutCompiler, ofStatements];

  /** The file of Programs. @param {any} context @param {[string, string[]][]} modules statements by module */
  async function compiled(context, modules) {
    const all = modules.flatMap(([id, texts]) => texts.map((text) => ({ id, text, lines: `${text}\n;\n` })));
    const folder = await mkdtemp(join(tmpdir(), 'turso-wasm-'));
    const [queries, output] = [join(folder, 'queries.sql'), join(folder, 'app.programs')];
    try {
      await writeFile(queries, all.map(({ lines }) => lines).join(''));
      const files = scripts.map((script) => resolve(config.root, script));
      const own = command ? [] : [join(HERE, 'command.js')];
      await promisify(execFile)(command ?? process.execPath, [...own, 'compile', ...files, queries, '-o', output]);
      return await readFile(output);
    } catch (/** @type {any} */ cause) {
      if (cause.code === 'ENOENT') return context.error(`there is no ${command}: leave the option "command" out, and the package's own is used`);
      const [, line, message] = String(cause.stderr).match(/queries\.sql:(\d+): (.*)/) ?? [];
      let left = Number(line);
      const wrong = all.find(({ lines }) => (left -= lines.split('\n').length - 1) <= 0);
      return context.error(wrong ? `${message}, in ${wrong.id}: ${wrong.text}` : String(cause.stderr || cause).trim());
    } finally {
      await rm(folder, { recursive: true });
    }
  }
}

/** The template literals tagged with this package's `sql`. @param {any} program its ESTree @returns {any[]} */
function taggedTemplates(program) {
  const names = new Set();
  const spaces = new Set();
  for (const { type, source, specifiers } of program.body) {
    if (type !== 'ImportDeclaration' || source.value !== PACKAGE) continue;
    for (const each of specifiers) {
      if (each.type === 'ImportNamespaceSpecifier') spaces.add(each.local.name);
      else if ((each.imported?.name ?? each.imported?.value) === 'sql') names.add(each.local.name);
    }
  }
  /** @param {any} tag */
  const isOurs = (tag) => names.has(tag.name) || (tag.property?.name === 'sql' && spaces.has(tag.object.name));
  const found = [];
  const waiting = names.size || spaces.size ? [program] : [];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (node.type === 'TaggedTemplateExpression' && isOurs(node.tag)) found.push(node);
    for (const part of Object.values(node)) {
      for (const each of Array.isArray(part) ? part : [part]) if (each && typeof each.type === 'string') waiting.push(each);
    }
  }
  return found;
}

/** @param {Uint8Array} bytes */
function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}
