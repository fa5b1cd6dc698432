/** What the Vite plugin provides: `/// <reference types="turso-wasm/virtual" />`. */

declare module 'virtual:turso-wasm' {
  /** For `connect`: where the build has its Programs; while developing, nothing. */
  const options: { programs?: string; compiler?: false };
  export default options;
}
