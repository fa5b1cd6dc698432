/** Characters that may stand between values, for who wants to choose. */
export const DELIMITERS = [',', ';', '\t', '|'];
