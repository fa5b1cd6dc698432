/**
 * compiler.pack: the modules of the query compiler, for Python's `import`, without a file system.
 *
 * It is xz around the magic number of a Python and, by `marshal`, a tuple of four: a dict, path below the package's folder → a code object,
 * or, for typed Python and for what is no module, its bytes; sizes, u16; instructions; tables of exceptions. Code objects are without
 * their instructions and tables, which lie together, by tenths smaller: first those of a code object, then those of its constants.
 * Writer: pack_compiler.mjs.
 */

import { bytesOf } from './values.js';

const FILE = '/tmp/compiler.pack';
const XZ = [0xfd, 0x37, 0x7a, 0x58, 0x5a];

/** A finder that is its modules' loader, too. Paths begin with "/pack": no such file exists, so Python asks the loader for sources. */
const INSTALL = `
import array, importlib.abc, importlib.util, lzma, marshal, sys, types

class Pack(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    ROOT = "/pack/"

    def __init__(self, members):
        self.members = members

    def path_of(self, name):
        stem = name.replace(".", "/")
        return next((path for path in (stem + ".py", stem + "/__init__.py") if path in self.members), None)

    def is_package(self, name):
        return self.path_of(name).endswith("/__init__.py")

    def find_spec(self, name, path=None, target=None):
        found = self.path_of(name)
        if found is None:
            return None
        place = self.ROOT + found
        inside = [place.removesuffix("/__init__.py")] if self.is_package(name) else None
        return importlib.util.spec_from_file_location(name, place, loader=self, submodule_search_locations=inside)

    def get_code(self, name):
        member = self.members[self.path_of(name)]
        return self.source_to_code(member, self.ROOT + self.path_of(name)) if isinstance(member, bytes) else member

    def get_source(self, name):
        member = self.members[self.path_of(name)]
        return member.decode() if isinstance(member, bytes) else None

    def get_data(self, path):
        try:
            return self.members[path.removeprefix(self.ROOT)]
        except KeyError:
            raise OSError(path) from None

def cut(sizes, text):
    at = 0
    for size in sizes:
        yield text[at : at + size]
        at += size

def whole(code, instructions, tables):
    made, table = next(instructions), next(tables)
    constants = tuple([
        whole(each, instructions, tables) if isinstance(each, types.CodeType) else each for each in code.co_consts
    ])
    return code.replace(co_code=made, co_exceptiontable=table, co_consts=constants)

def install(path, is_first):
    with open(path, "rb") as file:
        raw = lzma.decompress(file.read())
    if not raw.startswith(importlib.util.MAGIC_NUMBER):
        raise ImportError("the pack is for another Python")
    if is_first:
        sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__name__ != "Pack"]
    members, sizes, *pieces = marshal.loads(memoryview(raw)[4:])
    sizes = array.array("H", sizes)
    instructions, tables = (cut(sizes[nth::2], piece) for nth, piece in enumerate(pieces))
    for path, member in members.items():
        if isinstance(member, types.CodeType):
            members[path] = whole(member, instructions, tables)
    sys.meta_path.append(Pack(members))

install("${FILE}", is_first)
del install
`;

/**
 * Make the modules of a pack importable; nothing in Python refers to JavaScript then.
 * @param {any} pyodide
 * @param {BufferSource} pack
 * @param {boolean} [isFirst] it takes the place of any that is there; false: its modules come to those
 * @throws {Error} it is none, or damaged, or for another Python
 */
export function installPack(pyodide, pack, isFirst = true) {
  const bytes = bytesOf(pack);
  if (XZ.some((byte, i) => bytes[i] !== byte)) throw new Error('compiler.pack is no pack, or of another version');
  pyodide.FS.writeFile(FILE, bytes);
  try {
    const scope = pyodide.runPython(`dict(__name__="turso_wasm_pack", is_first=${isFirst ? 'True' : 'False'})`);
    try {
      pyodide.runPython(INSTALL, { globals: scope });
    } finally {
      scope.destroy();
    }
  } catch (cause) {
    const why = String(cause).includes('LZMAError') ? 'is not whole' : 'is no pack, or of another version';
    throw new Error(`compiler.pack ${why}`, { cause });
  } finally {
    pyodide.FS.unlink(FILE);
  }
}
