/**
 * <turso-playground>: the playground within a page, for documentation and lessons.
 *
 *   <script type="module" src="https://…/turso-playground.js"></script>
 *   <turso-playground sample="music">SELECT name FROM artists LIMIT 5</turso-playground>
 *
 * Attributes: `sample`, one of the samples; `db`, the address of a database file, which is read where it is; `height` in pixels; `label`,
 * what a screen reader calls it. Its text is the query. What is changed in it stays in memory.
 */
class TursoPlayground extends HTMLElement {
  connectedCallback() {
    if (this.shadowRoot) return;
    // the text is there when the parser has come to the end of the element
    if (document.readyState === 'loading')
      document.addEventListener('DOMContentLoaded', () => this.#show(), { once: true });
    else this.#show();
  }

  #show() {
    const given = new URLSearchParams();
    given.set('sql', unindented(this.textContent ?? ''));
    for (const name of ['sample', 'db']) {
      const value = this.getAttribute(name);
      if (value) given.set(name, name === 'db' ? new URL(value, document.baseURI).href : value);
    }
    const frame = document.createElement('iframe');
    frame.src = `${new URL('./index.html?embedded', import.meta.url)}#${given.toString().replaceAll('+', '%20')}`;
    frame.title = this.getAttribute('label') ?? 'SQL playground';
    frame.loading = 'lazy';
    frame.allow = 'clipboard-write';
    frame.style.cssText =
      'border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; display: block; width: 100%;';
    frame.style.height = `${Number(this.getAttribute('height')) || 380}px`;
    this.attachShadow({ mode: 'open' }).append(frame);
  }
}

/** A text without the indentation that all of its lines have. @param {string} text */
function unindented(text) {
  const lines = text.replace(/^\s*\n|\s+$/g, '').split('\n');
  const indents = lines.filter((line) => line.trim()).map((line) => /^\s*/.exec(line)?.[0].length ?? 0);
  const most = Math.min(...indents);
  return lines.map((line) => line.slice(most)).join('\n');
}

customElements.define('turso-playground', TursoPlayground);
