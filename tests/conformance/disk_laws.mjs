/** The laws of tests/browser/vfs_laws.js for files of the system, in the folder it is given: prints "ok", or throws. Run by test_disk.py. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DiskStorage } from '../../vfs/disk.js';
import { FileTable } from '../../vfs/table.js';
import { fileLaws, storageLaws } from '../browser/vfs_laws.js';

const NOT_HERE = 'files are owned'; // others may use them

for (const [law, holds] of Object.entries({ ...fileLaws, ...storageLaws })) {
  if (law === NOT_HERE) continue;
  const folder = mkdtempSync(join(process.argv[2], 'law-'));
  try {
    if (law in storageLaws) await holds(() => new DiskStorage(folder));
    else {
      const vfs = new FileTable({ '': new DiskStorage(folder) });
      await vfs.acquire('a', { create: true });
      await holds({ vfs, open: (name, flags = 1) => vfs.open(name, flags) });
    }
  } catch (error) {
    throw new Error(`${law}: ${error.stack}`, { cause: error });
  }
  rmSync(folder, { recursive: true });
}
console.log('ok');
