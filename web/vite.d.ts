/** The plugin for Vite; what it does: docs/start-up.md. */

export interface VitePluginOptions {
  /** Files that make the database, and are said to it after opening, in order; relative to Vite's root. */
  schema?: string | string[];
  /** false: the build has neither compiler nor Pyodide; `connect` is given `compiler: false`, and statements that were not marked fail. Default true. */
  compiler?: boolean;
  /** Another program `turso-wasm` that compiles, that of the Python package, say, which is faster. Default: the package's own. */
  command?: string;
}

/** Errors (of the build): a statement that cannot be compiled, with its module; no `command`. */
export function tursoWasm(options?: VitePluginOptions): { name: string }[];
