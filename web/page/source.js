/**
 * Code that a page gives to its worker. A function cannot cross, but its text can: it must use nothing but its own names and what every
 * worker has.
 */

import { describe, isPlain } from '../values.js';

/**
 * @typedef {{source: string} | {module: string, export: string} | {python: string}} Code as messages have it (protocol.js)
 */

/**
 * What is sent for a function, its source text, or a module's export.
 * @param {string} what whose function it is: "function()"
 * @param {any} given
 * @returns {Code}
 */
export function codeOf(what, given) {
  if (typeof given === 'function') return { source: closedSource(what, given) };
  if (typeof given === 'string') return { source: given };
  if (what === 'function()' && typeof given?.python === 'string') return { python: given.python };
  if (given instanceof URL) return { module: given.href, export: 'default' };
  if (typeof given === 'object' && given !== null && isPlain(given) && 'module' in given) {
    const { module, export: name = 'default' } = given;
    if ((typeof module === 'string' || module instanceof URL) && typeof name === 'string') {
      return { module: new URL(module, document.baseURI).href, export: name };
    }
  }
  throw new TypeError(`${what} takes a function, its source text or {module, export}, not ${describe(given)}`);
}

/** @param {string} what @param {Function} given */
function closedSource(what, given) {
  const source = Function.prototype.toString.call(given);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
    throw new TypeError(`${what}: a built-in or bound function has no source text that could be sent to the worker`);
  }
  const free = freeNames(source);
  if (free.length > 0) {
    const names = free.map((name) => `"${name}"`).join(', ');
    throw new TypeError(
      `${what}: the function uses ${names} from outside, which cannot be sent to the worker: pass it in, or give a module`,
    );
  }
  return source;
}

// --- names --------------------------------------------------------------------------------------------------------------

const SPACE = /(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)+/uy;
const TOKEN =
  /'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\.\.\.|\?\.|=>|#?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*|\d[\w.]*|[\s\S]/uy;
const PATTERN = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/uy;
const NESTED_TEMPLATE = /`[^`]*\$\{[^}]*`/u;
const NAME = /^[\p{ID_Start}$_]/u;
const WORDS = new Set(
  (
    'arguments as async await break case catch class const continue debugger default delete do else export extends false finally for from ' +
    'function get if import in instanceof let new null of return set static super switch this throw true try typeof undefined var void while ' +
    'with yield'
  ).split(' '),
);

/**
 * Names that a function's text surely takes from outside: it declares them nowhere, and a worker has none of that name. Where the text
 * is not plain (template literals, regular expressions) some are not seen; then the function fails when it is called.
 * @param {string} source
 */
export function freeNames(source) {
  if (NESTED_TEMPLATE.test(source)) return [];
  const tokens = tokensOf(source);
  const declared = new Set();
  /** @type {Set<string>} */
  const used = new Set();
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === 'const' || token === 'let' || token === 'var') declareUntil(tokens, i + 1, declared);
    if (token === 'function' || token === 'class') declared.add(tokens[i + 1] === '*' ? tokens[i + 2] : tokens[i + 1]);
    if (token === '=>') declareBefore(tokens, i, declared);
    if (token === '{' && tokens[i - 1] === ')') declareBefore(tokens, i, declared);
    if (!NAME.test(token) || WORDS.has(token) || tokens[i - 1] === '.' || tokens[i - 1] === '?.') continue;
    const isKey = tokens[i + 1] === ':' && (tokens[i - 1] === '{' || tokens[i - 1] === ',');
    const isMethod = tokens[i + 1] === '(' && closes(tokens, i + 1) === '{';
    const isLabel = tokens[i - 1] === 'break' || tokens[i - 1] === 'continue';
    if (!isKey && !isMethod && !isLabel) used.add(token);
  }
  return [...used].filter((name) => !declared.has(name) && !inWorkers(name));
}

/** @param {string} source */
function tokensOf(source) {
  /** @type {string[]} */
  const tokens = [];
  for (let at = 0; at < source.length; ) {
    const last = tokens[tokens.length - 1] ?? '';
    const isValue = /^[\w$)\]}'"`]/u.test(last) && !WORDS.has(last);
    const space = matched(SPACE, source, at);
    if (space !== null) {
      at += space.length;
      continue;
    }
    const pattern = isValue ? null : matched(PATTERN, source, at);
    const token = pattern ?? matched(TOKEN, source, at) ?? source[at];
    tokens.push(pattern === null ? token : "''");
    at += token.length;
  }
  return tokens;
}

/** @param {RegExp} pattern sticky @param {string} text @param {number} at */
function matched(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

/** @param {string} name */
function inWorkers(name) {
  return name in globalThis && !(name in ONLY_PAGES);
}

/** What a page has and a worker has not, of what functions may want. */
const ONLY_PAGES = {
  document: 1,
  window: 1,
  localStorage: 1,
  sessionStorage: 1,
  alert: 1,
  prompt: 1,
  confirm: 1,
  parent: 1,
  top: 1,
};

/** The names of a declaration: up to its end all are taken for declared. @param {string[]} tokens @param {number} i @param {Set<string>} declared */
function declareUntil(tokens, i, declared) {
  for (let depth = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if ('([{'.includes(token)) depth++;
    else if (')]}'.includes(token) && --depth < 0) return;
    if (depth === 0 && (token === ';' || token === 'of' || token === 'in' || WORDS.has(token))) return;
    if (NAME.test(token) && tokens[i - 1] !== '.') declared.add(token);
  }
}

/** Parameters before an arrow or a body. @param {string[]} tokens @param {number} i @param {Set<string>} declared */
function declareBefore(tokens, i, declared) {
  if (tokens[i - 1] !== ')') {
    declared.add(tokens[i - 1]);
    return;
  }
  for (let depth = 0, at = i - 1; at >= 0; at--) {
    if (tokens[at] === ')') depth++;
    else if (tokens[at] === '(' && --depth === 0) return;
    else if (NAME.test(tokens[at])) declared.add(tokens[at]);
  }
}

/** The token behind the bracket that closes the one at i. @param {string[]} tokens @param {number} i */
function closes(tokens, i) {
  for (let depth = 0; i < tokens.length; i++) {
    if (tokens[i] === '(') depth++;
    else if (tokens[i] === ')' && --depth === 0) return tokens[i + 1];
  }
  return undefined;
}
