/**
 * What every VFS must do (kernel/base/vfs.py V1-V5), as functions that throw when it does not.
 *
 * @typedef {{vfs: any, open: (name: string, flags?: number) => number}} Subject `open` opens a file that may be made
 */

const CREATE = 1;
const TEMP = 4;
const CAP_OWNED = 1;

const bytes = (...values) => Uint8Array.from(values);

function equal(actual, expected, what) {
  const [a, b] = [actual, expected].map((one) => JSON.stringify(one instanceof Uint8Array ? [...one] : one));
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
}

/** @param {Subject} subject @param {number} fd @param {number} n @param {number} at */
function read({ vfs }, fd, n, at) {
  const into = new Uint8Array(n);
  const got = vfs.read(fd, into, at);
  return into.subarray(0, got);
}

export const fileLaws = {
  'a new file is empty'(s) {
    const fd = s.open('a');
    equal(s.vfs.size(fd), 0, 'size');
    equal(read(s, fd, 10, 0).length, 0, 'read');
  },
  'what was written is read, anywhere'(s) {
    const fd = s.open('a');
    equal(s.vfs.write(fd, bytes(1, 2, 3, 4), 0), 0, 'write');
    equal(s.vfs.write(fd, bytes(9), 2), 0, 'overwrite');
    equal(read(s, fd, 4, 0), bytes(1, 2, 9, 4), 'all');
    equal(read(s, fd, 2, 1), bytes(2, 9), 'middle');
  },
  'a read at the end is short, behind it empty'(s) {
    const fd = s.open('a');
    s.vfs.write(fd, bytes(1, 2, 3), 0);
    equal(read(s, fd, 10, 1), bytes(2, 3), 'short');
    equal(read(s, fd, 10, 3).length, 0, 'at the end');
    equal(read(s, fd, 10, 1000).length, 0, 'behind it');
  },
  'a write behind the end leaves zeros between'(s) {
    const fd = s.open('a');
    s.vfs.write(fd, bytes(1), 0);
    s.vfs.write(fd, bytes(2), 5);
    equal(read(s, fd, 10, 0), bytes(1, 0, 0, 0, 0, 2), 'content');
  },
  'truncate cuts, and grows with zeros'(s) {
    const fd = s.open('a');
    s.vfs.write(fd, bytes(1, 2, 3, 4), 0);
    equal(s.vfs.truncate(fd, 2), 0, 'cut');
    equal(s.vfs.size(fd), 2, 'size');
    equal(s.vfs.truncate(fd, 4), 0, 'grow');
    equal(read(s, fd, 10, 0), bytes(1, 2, 0, 0), 'content');
  },
  'sync succeeds'(s) {
    const fd = s.open('a');
    s.vfs.write(fd, bytes(1), 0);
    equal(s.vfs.sync(fd), 0, 'sync');
  },
  'a file is still there when it is opened again'(s) {
    const fd = s.open('a');
    s.vfs.write(fd, bytes(7, 8), 0);
    s.vfs.close(fd);
    equal(s.vfs.exists('a'), true, 'exists');
    equal(read(s, s.open('a', 0), 9, 0), bytes(7, 8), 'content');
  },
  'two descriptors see one file'(s) {
    const [a, b] = [s.open('a'), s.open('a')];
    s.vfs.write(a, bytes(1, 2), 0);
    equal(read(s, b, 2, 0), bytes(1, 2), 'content');
  },
  'a file that does not exist cannot be opened without leave to make it'(s) {
    if (s.vfs.open('a', 0) >= 0) throw new Error('it was opened');
    equal(s.vfs.exists('a'), false, 'exists');
  },
  'a deleted file does not exist, and deleting it again succeeds'(s) {
    const fd = s.open('a-journal');
    s.vfs.write(fd, bytes(1), 0);
    s.vfs.close(fd);
    equal(s.vfs.delete('a-journal', false), 0, 'delete');
    equal(s.vfs.exists('a-journal'), false, 'exists');
    equal(s.vfs.delete('a-journal', true), 0, 'again');
    s.vfs.write(s.open('a-journal'), bytes(1), 0);
    equal(s.vfs.delete('a-journal', true), 0, 'delete durably');
    equal(s.vfs.exists('a-journal'), false, 'exists then');
  },
  'temporary files are private and nameless'(s) {
    const [a, b] = [s.open('t', TEMP | CREATE), s.open('t', TEMP | CREATE)];
    s.vfs.write(a, bytes(1), 0);
    equal(s.vfs.size(b), 0, 'the other');
    equal(s.vfs.exists('t'), false, 'exists');
  },
  'files are owned'(s) {
    if (!(s.vfs.capabilities(s.open('a')) & CAP_OWNED)) throw new Error('not owned');
  },
  'a large write'(s) {
    const fd = s.open('a');
    const big = Uint8Array.from({ length: 3_000_000 }, (_, i) => i * 31);
    equal(s.vfs.write(fd, big, 4096), 0, 'write');
    equal(s.vfs.size(fd), 3_004_096, 'size');
    equal(read(s, fd, 8, 2_000_000), big.slice(2_000_000 - 4096, 2_000_000 - 4088), 'content');
  },
};

/**
 * What a Storage must do with databases, as functions of `make`, which makes one on the same medium.
 */
export const storageLaws = {
  async 'a database is listed, without its companions, until it is removed'(make) {
    const store = make();
    await store.acquire('one');
    await store.acquire('two');
    for (const name of ['one', 'one-wal', 'two']) store.open(name, CREATE).write(bytes(1), 0);
    await Promise.all(['one', 'two'].map((name) => store.release(name)));
    equal((await store.list()).sort(), ['one', 'two'], 'names');
    await store.remove('one');
    equal(await store.list(), ['two'], 'the names left');
    await store.remove('one');
    equal(await refusal(() => store.acquire('one', { create: false })), 'SQLITE_CANTOPEN', 'what was removed');
    equal(await store.list(), ['two'], 'the names after that');
  },
  async 'what is settled is there for the next owner'(make) {
    const store = make();
    await store.acquire('one');
    const file = store.open('one', CREATE);
    const big = Uint8Array.from({ length: 100_000 }, (_, i) => i * 7);
    file.write(big, 0);
    file.sync();
    file.truncate(90_000);
    file.write(bytes(1, 2, 3), 89_000);
    file.write(bytes(9), 95_000);
    store.open('one-wal', CREATE).write(bytes(5, 6), 0);
    store.open('one-wal', CREATE).sync();
    await store.settled('one');
    await store.release('one');
    const next = make();
    await next.acquire('one', { create: false });
    big.fill(0, 90_000, 95_001);
    big.set([1, 2, 3], 89_000);
    big[95_000] = 9;
    equal(next.contentOf('one'), big.slice(0, 95_001), 'content');
    equal(next.contentOf('one-wal'), bytes(5, 6), 'log');
    equal(next.exists('one-journal'), false, 'journal');
    await next.release('one');
  },
  async 'two owners in one worker share a database until both have released it'(make) {
    const store = make();
    await Promise.all([store.acquire('one'), store.acquire('one')]);
    store.open('one', CREATE).write(bytes(1), 0);
    await store.release('one');
    equal(store.contentOf('one'), bytes(1), 'content');
    equal(await refusal(() => store.remove('one')), 'SQLITE_BUSY', 'removing what is open');
    await store.release('one');
    await store.remove('one');
    equal(await store.list(), [], 'names');
  },
  async 'a database that was released may be acquired at once, and removed'(make) {
    const store = make();
    for (let i = 0; i < 3; i++) {
      await store.acquire('one');
      store.open('one', CREATE).write(bytes(i), 0);
      store.release('one');
    }
    await store.acquire('one');
    equal(store.contentOf('one'), bytes(2), 'content');
    store.release('one');
    await store.remove('one');
    equal(await store.list(), [], 'names');
  },
  async 'a whole file replaces another, with its companions'(make) {
    const store = make();
    await store.acquire('one');
    store.open('one', CREATE).write(bytes(1, 2, 3, 4, 5), 0);
    store.open('one-wal', CREATE).write(bytes(1), 0);
    await store.replace('one', new Blob([bytes(9, 8)]));
    equal(store.contentOf('one'), bytes(9, 8), 'content');
    equal(store.exists('one-wal'), false, 'the log');
    await store.replace('one', new Blob([]));
    equal(store.contentOf('one').length, 0, 'bytes of the empty file');
    await store.release('one');
  },
  async 'a name that cannot be is refused'(make) {
    equal(await refusal(() => make().acquire('')), 'SQLITE_CANTOPEN', 'no name');
  },
};

/** The code an act fails with. @param {() => Promise<unknown>} act */
async function refusal(act) {
  try {
    await act();
  } catch (error) {
    return error.code ?? String(error);
  }
  return 'nothing';
}
