/**
 * How much to read of a database that is far away, when a page of it is missing.
 *
 * Interior pages of b-trees name their children in order. Who reads one child after the other, forwards or backwards, will want the next
 * ones: these come along, in windows that double, wherever in the file they lie close together. Pages that no known interior page names
 * (overflow pages) follow one another in the file. Source: https://sqlite.org/fileformat2.html#b_tree_pages
 */

const KIND = { interiorIndex: 2, interiorTable: 5 };
const HEADER_SIZE = 12;
/** Known interior pages; the oldest is forgotten. */
const BRANCHES = 256;
/** Who skips no more than that goes on. */
const GAP = 4;
const WINDOW_MIN = 1 << 16;
const WINDOW_MAX = 1 << 20;

/** An interior page's children. */
class Branch {
  /** The last child that was wanted. */ last = -1;
  entered = false;
  /** Bytes that were read at once for who goes through them, in which direction. */ window = 0;
  step = 0;

  /** @param {number[]} children page numbers */
  constructor(children) {
    this.children = children;
  }
}

export class ReadAhead {
  /** By child. @type {Map<number, Branch>} */ #branchOf = new Map();
  /** By page. @type {Map<number, Branch>} */ #branches = new Map();
  /** From a branch that was gone through to its end: whoever did begins with the next. */ #handedOver = {
    window: 0,
    step: 0,
  };
  #run = { end: 0, window: 0 };

  /** @param {number} pageSize bytes */
  constructor(pageSize) {
    this.pageSize = pageSize;
  }

  /** What to read for a miss of [from, to). @param {number} from @param {number} to @returns {[number, number]} */
  plan(from, to) {
    const page = Math.floor(from / this.pageSize) + 1;
    const branch = this.#branchOf.get(page);
    return branch ? this.#planChildren(branch, page, from, to) : this.#planRun(from, to);
  }

  /** @param {number} from @param {number} to @returns {[number, number]} */
  #planRun(from, to) {
    const run = this.#run;
    const goesOn = from >= run.end && from < run.end + GAP * this.pageSize;
    run.window = goesOn ? doubled(run.window) : 0;
    run.end = Math.max(to, from + run.window);
    return [from, run.end];
  }

  /** @param {Branch} branch @param {number} page @param {number} from @param {number} to @returns {[number, number]} */
  #planChildren(branch, page, from, to) {
    const { children } = branch;
    const index = children.indexOf(page);
    if (!branch.entered) this.#enter(branch);
    const step = stepTo(branch, index);
    branch.window = step ? doubled(branch.window) : 0;
    let wanted = (to - from) / this.pageSize;
    for (let i = index + step; step && i >= 0 && i < children.length; i += step) {
      const end = children[i] * this.pageSize;
      const [low, high] = [Math.min(from, end - this.pageSize), Math.max(to, end)];
      if (high - low > branch.window) break;
      wanted++;
      if (wanted * this.pageSize * 2 >= high - low) [from, to] = [low, high];
    }
    return [from, to];
  }

  /** A child is wanted for the first time. @param {Branch} branch */
  #enter(branch) {
    branch.entered = true;
    Object.assign(branch, this.#handedOver);
    this.#handedOver = { window: 0, step: 0 };
  }

  /** Whether there is a known interior page in some bytes of the file. @param {number} at @param {number} n */
  isInterior(at, n) {
    const last = Math.floor((at + n - 1) / this.pageSize) + 1;
    for (let page = Math.floor(at / this.pageSize) + 1; page <= last; page++) if (this.#branches.has(page)) return true;
    return false;
  }

  /** Pages that the database was given. @param {Uint8Array} bytes @param {number} at */
  given(bytes, at) {
    const { pageSize } = this;
    if (at % pageSize) return;
    for (let i = 0; i + pageSize <= bytes.length; i += pageSize) {
      const page = (at + i) / pageSize + 1;
      this.#moveTo(page);
      if (!this.#branches.has(page)) this.#learn(page, bytes.subarray(i, i + pageSize));
    }
  }

  /** @param {number} page */
  #moveTo(page) {
    const branch = this.#branchOf.get(page);
    if (!branch) return;
    const { children, last } = branch;
    if (!branch.entered) this.#enter(branch);
    branch.last = children.indexOf(page);
    if (last >= 0) branch.step = Math.sign(branch.last - last);
    const { window, step } = branch;
    const isEnd = branch.last === (step > 0 ? children.length - 1 : 0);
    if (isEnd && window) this.#handedOver = { window, step };
  }

  /** @param {number} page @param {Uint8Array} bytes */
  #learn(page, bytes) {
    const start = page === 1 ? 100 : 0;
    const kind = bytes[start];
    if (kind !== KIND.interiorTable && kind !== KIND.interiorIndex) return;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const cells = Math.min(view.getUint16(start + 3), (bytes.length - start - HEADER_SIZE) >> 1);
    const children = [];
    for (let i = 0; i < cells; i++) {
      const cell = view.getUint16(start + HEADER_SIZE + 2 * i);
      if (cell + 4 <= bytes.length) children.push(view.getUint32(cell));
    }
    children.push(view.getUint32(start + 8));
    const branch = new Branch(children);
    this.#branches.set(page, branch);
    for (const child of children) this.#branchOf.set(child, branch);
    if (this.#branches.size > BRANCHES) this.#forget();
  }

  #forget() {
    const [[page, branch]] = this.#branches;
    this.#branches.delete(page);
    for (const child of branch.children) if (this.#branchOf.get(child) === branch) this.#branchOf.delete(child);
  }
}

/** 1 or -1: the direction in which a child comes next; 0: it does not. @param {Branch} branch @param {number} index */
function stepTo({ last, step }, index) {
  if (last < 0) return step;
  const distance = index - last;
  return distance && Math.abs(distance) <= GAP ? Math.sign(distance) : 0;
}

/** @param {number} window */
function doubled(window) {
  return Math.min(WINDOW_MAX, Math.max(WINDOW_MIN, window * 2));
}
