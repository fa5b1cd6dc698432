/** SQL as text: names, literals, statements and their parameters. It cuts texts; what they mean only the engine knows. */

/** @param {string} name */
export function quoted(name) {
  return /^[a-z_][a-z_0-9]*$/i.test(name) && !KEYWORDS.has(name.toUpperCase())
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}

// those that SQLite does not take as names
const KEYWORDS = new Set(
  (
    'ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE CROSS CURRENT CURRENT_DATE CURRENT_TIME ' +
    'CURRENT_TIMESTAMP DEFAULT DEFERRABLE DELETE DISTINCT DROP ELSE END ESCAPE EXCEPT EXISTS FILTER FOLLOWING FOREIGN FROM FULL GROUP HAVING IN INDEX ' +
    'INNER INSERT INTERSECT INTO IS ISNULL JOIN LEFT LIKE LIMIT NATURAL NOT NOTHING NOTNULL NULL ON OR ORDER OUTER OVER PARTITION PRIMARY ' +
    'PRECEDING RANGE RECURSIVE REFERENCES RETURNING RIGHT ROW ROWS SELECT SET TABLE THEN TO TRANSACTION UNBOUNDED UNION UNIQUE UPDATE USING ' +
    'VALUES WHEN WHERE WINDOW WITH WITHOUT'
  ).split(' '),
);

/** A value as SQL. @param {unknown} value */
export function literal(value) {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? real(value) : `${value < 0 ? '-' : ''}9e999`;
  if (value instanceof Uint8Array) return `x'${hex(value)}'`;
  return `'${String(value).replaceAll("'", "''")}'`;
}

/** A REAL as SQLite writes it: 1.0, not 1. @param {number} value */
export function real(value) {
  if (!Number.isFinite(value)) return value > 0 ? 'Inf' : value < 0 ? '-Inf' : 'NULL';
  const text = String(value);
  if (/[.]/.test(text)) return text;
  const [digits, exponent] = text.split('e');
  return exponent === undefined ? `${digits}.0` : `${digits}.0e${exponent}`;
}

/** @param {Uint8Array} bytes */
export function hex(bytes) {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

const TOKEN =
  /(?<space>\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<string>'(?:[^']|'')*(?:'|$))|(?<name>"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$))|(?<parameter>\?\d*|[:@#$][\p{L}\p{N}_$]+(?:::[\p{L}\p{N}_$]+)*)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)|(?<number>\d[\w.]*)|[\s\S]/guy;

/**
 * @typedef {{start: number, end: number, text: string, word: string, returns: boolean, parameters: string[]}} Statement
 * offsets into the script without white space around; its first word; whether it may give rows; each mark of a parameter
 */

/**
 * The statements of a script. Triggers end with their END.
 * @param {string} script @returns {Statement[]}
 */
export function statements(script) {
  /** @type {Statement[]} */
  const found = [];
  let start = -1;
  let end = 0;
  /** @type {string[]} */
  let words = [];
  /** @type {string[]} */
  let parameters = [];
  let returning = false;
  let depth = 0; // of BEGIN … END and CASE … END in a trigger
  const cut = () => {
    if (start >= 0) {
      const first = words[0] === 'EXPLAIN' ? 'EXPLAIN' : (words[0] ?? '');
      const returns = returning || /^(SELECT|WITH|VALUES|PRAGMA|EXPLAIN|)$/.test(first);
      found.push({ start, end, text: script.slice(start, end), word: first, returns, parameters });
    }
    start = -1;
    words = [];
    parameters = [];
    returning = false;
    depth = 0;
  };
  const isTrigger = () => /^(EXPLAIN (QUERY PLAN )?)?CREATE (TEMP |TEMPORARY )?TRIGGER\b/.test(words.join(' '));
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(script); match; match = TOKEN.exec(script)) {
    const { space, parameter, word } = match.groups ?? {};
    if (space !== undefined) continue;
    if (match[0] === ';' && depth === 0) {
      if (start >= 0) end = match.index + 1;
      cut();
      continue;
    }
    if (start < 0) start = match.index;
    end = match.index + match[0].length;
    if (parameter !== undefined) parameters.push(parameter);
    if (word === undefined) continue;
    const upper = word.toUpperCase();
    if (words.length < 6) words.push(upper);
    if (upper === 'RETURNING') returning = true;
    else if ((upper === 'BEGIN' || upper === 'CASE') && isTrigger()) depth++;
    else if (upper === 'END' && depth > 0) depth--;
  }
  cut();
  return found;
}

/** The statement at a place of the script, or the one before it. @param {string} script @param {number} at */
export function statementAt(script, at) {
  const all = statements(script);
  return all.findLast(({ start }) => start <= at) ?? all[0];
}
