/** turso-wasm/testing: databases for tests, with Vitest (its browser mode too) and Playwright. */

interface Forkable {
  exec(sql: string): unknown;
  import(source: Uint8Array): Promise<void>;
  export(): Uint8Array | Promise<Uint8Array>;
  fork(): Promise<unknown>;
  close(): Promise<void>;
}

export interface Template<D> {
  /** The template, as a database file. */
  readonly bytes: Uint8Array;
  /** A database in memory with the template's content, of its own, within milliseconds. To be closed by who asks. */
  fork(): Promise<D>;
  /** Give the template up; its forks stay. */
  close(): Promise<void>;
}

/**
 * Set a database up once, to be forked for each test. `connect` is that of turso-wasm or of turso-wasm/host; `source` SQL, the bytes of a
 * database file, or a function that is given an empty database.
 */
export function template<D extends Forkable>(
  connect: (name: string) => Promise<D>,
  source: string | Uint8Array | ((db: D) => unknown),
): Promise<Template<D>>;

export interface Origin {
  /** Put a database there, in the place of one of that name. Errors: Error when it is open. */
  seed(name: string, bytes: Uint8Array): Promise<void>;
  /** The content of a database as it was committed last, as a file; it may be open. Errors: Error when there is none. */
  read(name: string): Promise<Uint8Array>;
  /** Delete a database, if there is one. Errors: Error when it is open. */
  remove(name: string): Promise<void>;
  list(): Promise<string[]>;
}

/** What of Playwright's Page is used. */
export interface PlaywrightPage {
  // biome-ignore lint/suspicious/noExplicitAny: any version's BrowserContext
  context(): any;
}

/** The databases in OPFS of the page where this runs. */
export function opfs(): Origin;
/** Those of the origin of `url`, in the browser context of `page`; no page of the application need be loaded. */
export function opfs(page: PlaywrightPage, url: string | URL): Origin;
