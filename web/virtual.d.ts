/** What the Vite plugin provides: `/// <reference types="turso-wasm/virtual" />`. */

declare module 'virtual:turso-wasm' {
  /** For `connect`: where the build has its files; while developing, where the package has them, and no Programs. */
  const options: { assets: string; pyodide?: string; programs?: string; compiler?: false };
  export default options;
}
