/** `sql`: marks the SQL in a module, for editors and for the Vite plugin (web/vite.mjs). */

/** @param {TemplateStringsArray} strings @param {...unknown} values @returns {string} */
export function sql(strings, ...values) {
  if (values.length) throw new TypeError('sql takes no values: parameters are ? or :name');
  return strings[0] ?? '';
}
