/**
 * SQL text into the key of the Program cache, without Python: what turso_wasm/sql/lexer.py `tokenize` and `normalize` do, for statements
 * whose Program is known, and for cutting scripts into statements.
 *
 * The two agree token by token (tests/conformance/test_lexers.py); a Program is kept under a key only where they do (schema.js).
 *
 * Invariant:
 *   L1  Two statements with equal keys have equal tokens but for the values of their literals.
 */

import { CONTEXTUAL, KEYWORDS, NAME_AFTER_OVER } from '../base/sql.js';

/**
 * A lifted literal: null, a string, bytes; an integer as a BigInt, a real as a number; all rows of a VALUES list, or the values of an
 * IN list, as an array of arrays.
 * @typedef {null | string | Uint8Array | bigint | number} Scalar
 * @typedef {Scalar | Scalar[][]} Literal
 * @typedef {object} Lexed one statement
 * @property {string} key empty when there is no statement, only space and comments
 * @property {Literal[]} literals
 * @property {number} start of its first token
 * @property {number} end behind its semicolon
 * @property {string} first kind of the first token
 * @property {string} second kind of the second one
 */

const GAP = /(?:[ \t\n\f\r\ufeff]+|--[^\n\0]*|\/\*(?=[^\0])(?:[^*\0]+|\*(?!\/))*(?:\*\/)?)*/y;
const SPACE = /[ \t\n\f\r\ufeff]*/y;
const WORD = /[A-Za-z_\x80-\ufefe\uff00-\uffff][A-Za-z0-9_$\x80-\uffff]*/y;
const OPERATOR = /[(),;*+~&%]|==?|->>?|-|\/|<[=><]?|>[=>]?|!=|\|\|?|@>|\.(?![0-9])/y;
const NUMBER = /0[xX][0-9a-fA-F][0-9a-fA-F_]*|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?/y;
const ID_CHARS = /[A-Za-z0-9_$\x80-\uffff]*/y;
const BLOB = /[xX]'(?:[0-9a-fA-F]{2})*'/y;
const BAD_BLOB = /[xX]'[^'\0]*'?/y;
const PARAMETER = /\?[0-9]*/y;
const NAME = /[$@:#](?:::)*[A-Za-z0-9_$\x80-\uffff](?:[A-Za-z0-9_$\x80-\uffff]|::)*/y;
const PYTHON_SPACE = ' \\t\\n\\r\\f\\v\\x1c-\\x1f\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const NAME_SUFFIX = new RegExp(`\\([^)\\0${PYTHON_SPACE}]*\\)?`, 'y');
const ANYTHING = /[$@:#](?:::)*|./sy;
const SEPARATED =
  /^(?:0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*|(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?)$/;
const QUOTE = 39;
const DOUBLE_QUOTE = 34;
const BACKTICK = 96;
const BRACKET = 91;
const TWO_TO_63 = 2n ** 63n;
const DIGITS = /^[0-9]*$/;
const ASCII = /^[\0-\x7f]*$/;

const ID = '<id>';
const END = '<end>';
const ILLEGAL = '<illegal>';
const BAD = Symbol('a number that the parser must complain about');

/** The match of a sticky pattern, or ''. @param {RegExp} pattern @param {string} sql @param {number} at */
function match(pattern, sql, at) {
  pattern.lastIndex = at;
  return pattern.test(sql) ? sql.slice(at, pattern.lastIndex) : '';
}

/** The end of a match of a pattern that matches everywhere. @param {RegExp} pattern @param {string} sql @param {number} at */
function skip(pattern, sql, at) {
  pattern.lastIndex = at;
  pattern.test(sql);
  return pattern.lastIndex;
}

class Lexer {
  /** @type {string[]} */ kinds = [];
  /** @type {string[]} */ texts = [];
  /** @type {Literal[]} */ literals = [];
  start = -1;
  at = 0;
  text = '';
  contextual = false;

  /** @param {string} sql */
  constructor(sql) {
    this.sql = sql;
  }

  /** Tokens from `at` up to and with the next semicolon, or to the end; the offset behind the last one. @param {number} at */
  scan(at) {
    const first = this.kinds.length;
    this.contextual = false;
    for (;;) {
      const start = skip(GAP, this.sql, at);
      const kind = this.#token(start);
      at = this.at;
      if (kind === END) break;
      if (this.start < 0) this.start = start;
      this.kinds.push(kind);
      this.texts.push(this.text);
      if (kind === ';' || kind === ILLEGAL) break;
      if (kind === 'VALUES') at = this.#rows(at);
      else if (kind === 'IN') at = this.#members(at);
    }
    if (this.contextual) this.#resolveContextual(first);
    return at;
  }

  /** @param {string} kind @param {string} text @param {number} start */
  #take(kind, text, start) {
    this.text = text;
    this.at = start + text.length;
    return kind;
  }

  /** @param {string} kind @param {Literal} value @param {string} text @param {number} start */
  #literal(kind, value, text, start) {
    this.literals.push(value);
    return this.#take(kind, text, start);
  }

  /** The kind of the token at `start`; `text` and `at`, behind it, are set. @param {number} start @returns {string} */
  #token(start) {
    const { sql } = this;
    const first = sql.charCodeAt(start);
    if (!(first > 0)) {
      this.at = sql.length;
      return END;
    }
    if (first === QUOTE || first === DOUBLE_QUOTE || first === BACKTICK || first === BRACKET)
      return this.#quoted(start);
    if ((first === 120 || first === 88) && sql.charCodeAt(start + 1) === QUOTE) return this.#blob(start);
    const word = first > 64 ? match(WORD, sql, start) : '';
    if (word) return this.#word(word, start);
    const operator = match(OPERATOR, sql, start);
    if (operator) return this.#take(operator === '==' ? '=' : operator === '!=' ? '<>' : operator, operator, start);
    const number = match(NUMBER, sql, start);
    if (number) return this.#number(number, start);
    const variable = match(PARAMETER, sql, start) || match(NAME, sql, start);
    if (variable) return this.#variable(variable, start);
    return this.#take(ILLEGAL, match(ANYTHING, sql, start), start);
  }

  /** @param {number} start */
  #blob(start) {
    const blob = match(BLOB, this.sql, start);
    if (blob) return this.#literal('<blob>', bytesOf(blob), blob, start);
    return this.#take(ILLEGAL, match(BAD_BLOB, this.sql, start), start);
  }

  /** @param {string} text @param {number} start */
  #word(text, start) {
    const upper = text.toUpperCase();
    if (!KEYWORDS.has(upper)) return this.#take(ID, text, start);
    const contextual = CONTEXTUAL.has(upper);
    this.contextual ||= contextual;
    const keyword = !contextual && ASCII.test(text);
    return this.#take(keyword ? (upper === 'TEMPORARY' ? 'TEMP' : upper) : ID, text, start);
  }

  /** @param {string} text @param {number} start */
  #number(text, start) {
    const behind = skip(ID_CHARS, this.sql, start + text.length);
    if (behind > start + text.length) return this.#take(ILLEGAL, this.sql.slice(start, behind), start);
    const value = parseNumber(text);
    if (value === undefined) return this.#take('<bad number>', text, start);
    if (value === TWO_TO_63) return this.#take('<9223372036854775808>', text, start);
    if (value === -TWO_TO_63) return this.#take('<0x8000000000000000>', text, start);
    return this.#literal(typeof value === 'bigint' ? '<integer>' : '<real>', value, text, start);
  }

  /** A string or a quoted name. @param {number} start */
  #quoted(start) {
    const { sql } = this;
    const end = quotedEnd(sql, start);
    if (end < 0) {
      const nul = sql.indexOf('\0', start);
      return this.#take(ILLEGAL, sql.slice(start, nul < 0 ? sql.length : nul), start);
    }
    const text = sql.slice(start, end);
    if (sql[start] !== "'") return this.#take(ID, text, start);
    return this.#literal('<text>', dequote(text), text, start);
  }

  /** @param {string} text @param {number} start */
  #variable(text, start) {
    if (text[0] === '?' || this.sql[start + text.length] !== '(') return this.#take('<variable>', text, start);
    const suffix = match(NAME_SUFFIX, this.sql, start + text.length);
    return this.#take(suffix.endsWith(')') ? '<variable>' : ILLEGAL, text + suffix, start);
  }

  /** Two or more rows of literals, all of one width, that are all there is of a VALUES: one token. @param {number} at */
  #rows(at) {
    const { sql } = this;
    /** @type {Scalar[][]} */
    const rows = [];
    let open = skip(GAP, sql, at);
    for (;;) {
      if (sql[open] !== '(') return at;
      const row = this.#row(open + 1);
      if (!row || (rows.length && row.length !== rows[0].length)) return at;
      rows.push(row);
      const close = this.at;
      const next = skip(SPACE, sql, close);
      if (sql[next] !== ',') {
        if (rows.length < 2) return at;
        return this.#list('<rows>', rows, close);
      }
      open = skip(GAP, sql, next + 1);
    }
  }

  /** Two or more literals in parentheses, that are all there is of an IN: one token. @param {number} at */
  #members(at) {
    const { sql } = this;
    const open = skip(GAP, sql, at);
    const members = sql[open] === '(' ? this.#row(open + 1) : null;
    if (!members || members.length < 2) return at;
    return this.#list(
      listKind(members),
      members.map((member) => [member]),
      this.at,
    );
  }

  /** A token that stands for rows of literals. @param {string} kind @param {Scalar[][]} rows @param {number} end behind it */
  #list(kind, rows, end) {
    this.kinds.push(kind);
    this.texts.push('');
    this.literals.push(rows);
    return end;
  }

  /** The literals up to a closing parenthesis, behind which `at` is then; null: they are not only literals. @param {number} at */
  #row(at) {
    const { sql } = this;
    /** @type {Scalar[]} */
    const row = [];
    for (;;) {
      const value = this.#item(skip(SPACE, sql, at));
      if (value === BAD) return null;
      row.push(/** @type {Scalar} */ (value));
      at = skip(SPACE, sql, this.at);
      if (sql[at] === ')') {
        this.at = at + 1;
        return row;
      }
      if (sql[at] !== ',') return null;
      at++;
    }
  }

  /** One literal of a row, maybe with a sign; `at` is behind it. @param {number} at @returns {Scalar | typeof BAD} */
  #item(at) {
    const { sql } = this;
    const first = sql[at];
    if (first === "'") {
      const end = quotedEnd(sql, at);
      this.at = end;
      return end < 0 ? BAD : dequote(sql.slice(at, end));
    }
    const blob = first === 'x' || first === 'X' ? match(BLOB, sql, at) : '';
    if (blob) {
      this.at = at + blob.length;
      return bytesOf(blob);
    }
    if (first === 'n' || first === 'N') {
      this.at = at + 4;
      return match(WORD, sql, at).toUpperCase() === 'NULL' ? null : BAD;
    }
    return this.#signed(first, at);
  }

  /** @param {string} first @param {number} at @returns {Scalar | typeof BAD} */
  #signed(first, at) {
    const { sql } = this;
    const sign = first === '-' || first === '+';
    if (sign) at = skip(SPACE, sql, at + 1);
    const text = match(NUMBER, sql, at);
    this.at = at + text.length;
    if (!text || skip(ID_CHARS, sql, this.at) > this.at) return BAD;
    const number = parseNumber(text);
    if (number === undefined || (sign && number === -TWO_TO_63)) return BAD;
    if (first === '-') return -number;
    return number === TWO_TO_63 ? Number(number) : number;
  }

  /** FILTER, OVER and WINDOW are keywords where their neighbours say so (turso_wasm/sql/lexer.py). @param {number} first */
  #resolveContextual(first) {
    const { kinds, texts } = this;
    const padded = [...kinds.slice(first), END, END];
    const words = [...texts.slice(first).map((text) => (ASCII.test(text) ? text.toUpperCase() : text)), '', '', ''];
    for (let i = 0; i < kinds.length - first; i++) {
      const word = words[i];
      if (!CONTEXTUAL.has(word)) continue;
      const nextIsName = NAME_AFTER_OVER.has(padded[i + 1]) && words[i + 1] !== 'FILTER';
      const isKeyword =
        word === 'WINDOW'
          ? nextIsName && padded[i + 2] === 'AS'
          : i > 0 && padded[i - 1] === ')' && (padded[i + 1] === '(' || (word === 'OVER' && nextIsName));
      if (isKeyword) kinds[first + i] = word;
    }
  }

  /** Whether the tokens are those of a CREATE TRIGGER that has not come to its END. */
  get isOpenTrigger() {
    const { kinds } = this;
    let at = 0;
    if (kinds[0] === 'EXPLAIN') at = kinds[1] === 'QUERY' && kinds[2] === 'PLAN' ? 3 : kinds[1] === ID ? 2 : 1;
    if (kinds[at] !== 'CREATE') return false;
    at += kinds[at + 1] === 'TEMP' ? 2 : 1;
    const n = kinds.length;
    return kinds[at] === 'TRIGGER' && !(kinds[n - 3] === ';' && kinds[n - 2] === 'END' && kinds[n - 1] === ';');
  }

  /** The text without comments and extra space, keywords in upper case, each literal replaced by its kind. */
  get key() {
    const { kinds, texts } = this;
    const n = kinds.at(-1) === ';' ? kinds.length - 1 : kinds.length;
    let key = '';
    for (let i = 0; i < n; i++) {
      const kind = kinds[i];
      key += `${i ? ' ' : ''}${kind === ID || kind === '<variable>' ? texts[i] : kind}`;
    }
    return key;
  }
}

/**
 * The first statement at or behind `start`; empty statements are passed over. Never throws.
 * @param {string} sql
 * @param {number} start
 * @returns {Lexed}
 */
export function lex(sql, start) {
  for (;;) {
    const lexer = new Lexer(sql);
    let end = lexer.scan(start);
    for (let before = 0; lexer.isOpenTrigger && lexer.kinds.at(-1) === ';' && lexer.kinds.length > before; ) {
      before = lexer.kinds.length;
      end = lexer.scan(end);
    }
    const { kinds, literals } = lexer;
    if (kinds[0] !== ';') {
      return { key: lexer.key, literals, start: lexer.start, end, first: kinds[0] ?? END, second: kinds[1] ?? END };
    }
    start = end;
  }
}

/** Whether anything but space and comments is left. @param {string} sql @param {number} at */
export function hasMore(sql, at) {
  const next = skip(GAP, sql, at);
  return next < sql.length && sql[next] !== '\0';
}

/** Behind the closing quote, -1 when there is none before the end or a NUL. @param {string} sql @param {number} start */
function quotedEnd(sql, start) {
  const nul = sql.indexOf('\0', start);
  const limit = nul < 0 ? sql.length : nul;
  const close = sql[start] === '[' ? ']' : sql[start];
  for (let at = start + 1; ; ) {
    const found = sql.indexOf(close, at);
    if (found < 0 || found >= limit) return -1;
    if (close === ']' || sql[found + 1] !== close) return found + 1;
    at = found + 2;
  }
}

/** The kind of a list: what its members are (turso_wasm/sql/literals.py). @param {Scalar[]} members */
function listKind(members) {
  if (members.every((member) => typeof member === 'bigint')) return '<integers>';
  if (members.every((member) => typeof member === 'bigint' || typeof member === 'number')) return '<numbers>';
  return members.every((member) => typeof member === 'string') ? '<texts>' : '<list>';
}

/** @param {string} text */
function dequote(text) {
  const body = text.slice(1, -1);
  return body.includes("'") ? body.replaceAll("''", "'") : body;
}

/** The bytes of x'…'. @param {string} text */
function bytesOf(text) {
  const n = (text.length - 3) >> 1;
  const bytes = new Uint8Array(n);
  for (let i = 0; i < n; i++) bytes[i] = Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

/** An integer as a BigInt, 2^63 among them; a real; undefined: SQLite refuses it. @param {string} text @returns {bigint | number | undefined} */
function parseNumber(text) {
  if (text.includes('_')) {
    if (!SEPARATED.test(text)) return undefined;
    text = text.replaceAll('_', '');
  }
  if (text[1] === 'x' || text[1] === 'X') {
    const digits = text.slice(2).replace(/^0+/, '');
    return digits.length > 16 ? undefined : BigInt.asIntN(64, BigInt(`0x${digits || '0'}`));
  }
  if (text.length >= 20 || !DIGITS.test(text)) return Number(text);
  const value = BigInt(text);
  return value <= TWO_TO_63 ? value : Number(text);
}
