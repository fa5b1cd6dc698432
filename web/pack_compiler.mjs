/**
 * Pack the query compiler for pages: `node web/pack_compiler.mjs ROOT TO.pack`, paths of files below ROOT on stdin.
 *
 * What a pack is: pack.js. Pyodide's own Python writes the code objects (nobody else has its version). Three things that nobody asks for
 * at run time stay out, docstrings, the annotations of functions and lines within functions: half of the size. Typed Python goes in as
 * source, which its compiler reads.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { loadPyodide } from 'pyodide';

const PACK = `
import ast, importlib.util, lzma, marshal, types

# A larger window would be allocated by who unpacks it, too.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 20, "pb": 0}]

def bare(code):
    constants = tuple(bare(each) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_linetable=one_line(len(code.co_code) // 2), co_consts=constants)

def one_line(units):
    """A table by which all instructions belong to the line that the function begins on."""
    # cpython/InternalDocs/code_objects.md, "Source code locations": code 13 is "no column", of up to 8 units
    return b"".join(bytes((0x80 | 13 << 3 | min(units - at, 8) - 1, 0)) for at in range(0, units, 8))

def compiled(source, path):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    code = compile(tree, path, "exec", dont_inherit=True, optimize=2)
    return bare(code)

def packed(modules):
    members = {
        path: source.encode() if "/library/" in path or not path.endswith(".py") else compiled(source, path)
        for path, source in modules
    }
    raw = importlib.util.MAGIC_NUMBER + marshal.dumps(members)
    return lzma.compress(raw, check=lzma.CHECK_CRC32, filters=FILTERS)

packed
`;

const [root, to] = process.argv.slice(2);
const paths = readFileSync(0, 'utf8').trim().split('\n');
const pyodide = await loadPyodide();
const pack = pyodide.runPython(PACK);
const bytes = pack(pyodide.toPy(paths.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')])));
writeFileSync(to, bytes.toJs());
