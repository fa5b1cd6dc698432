/** What can be bound, and what comes back. */

export type SqlValue = null | number | bigint | string | Uint8Array;
/** What can be bound. Safe integers become INTEGER, other numbers REAL, NaN and undefined NULL, booleans 0 and 1. */
export type SqlParameter = SqlValue | boolean | undefined | ArrayBuffer | ArrayBufferView;
/** An array stands where `IN (?)` or `unnest(?)` does, for the list of its elements: values, or bytes, each with NULLs among them. */
export type SqlList =
  | (null | number | bigint | string | boolean | undefined)[]
  | (null | undefined | ArrayBuffer | ArrayBufferView)[];
export type SqlArgument = SqlParameter | SqlList;
export type SqlNames = Record<string, SqlArgument>;
/** Values one by one, or in an array; an object with those that have names. */
export type Parameters = SqlArgument[] | [SqlArgument[]] | [SqlNames] | [...SqlArgument[], SqlNames];
/** How INTEGERs arrive. 'auto': numbers, and BigInts beyond 2^53; 'number': a RangeError there; 'bigint' always. */
export type Integers = 'auto' | 'number' | 'bigint';
export type Row = Record<string, SqlValue>;

/** A part of a statement with its parameters: what may stand in `db.sql`…`` besides values. */
export interface Fragment {
  readonly text: string;
  readonly values: readonly SqlArgument[];
}

/** What may stand in `${…}` of a template: a value becomes a parameter, a fragment a part of the text. */
export type TemplateValue = SqlArgument | Fragment;
