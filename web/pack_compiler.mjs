/**
 * Pack the query compiler for pages: `node web/pack_compiler.mjs ROOT TO.pack`, paths of files below ROOT on stdin.
 *
 * What a pack is: pack.js. Pyodide's own Python writes the code objects (nobody else has its version). What nobody asks for at run time
 * stays out, docstrings, the annotations of functions and modules, lines, and the names of variables: half of the size. Typed Python goes
 * in as source without comments, which its compiler reads.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { loadPyodide } from 'pyodide';

const PACK = `
import ast, array, importlib.util, inspect, json, lzma, marshal, types

# A larger window would be allocated by who unpacks it, too.
# Frames of these are in tracebacks of code of the page's, which cannot be shown without lines.
WITH_LINES = ("turso_wasm/page_functions.py", "turso_wasm/typed/callable.py")
EMPTY = (lambda: None).__code__.co_code[-4:]
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 20, "pb": 0}]

def bare(code):
    """Without lines; a traceback names files and functions. Local variables are called by their numbers."""
    constants = tuple(bare(each) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(
        co_linetable=b"", co_firstlineno=1, co_qualname=code.co_name, co_varnames=numbered(code), co_consts=constants
    )

def numbered(code):
    if not code.co_flags & inspect.CO_OPTIMIZED:
        return code.co_varnames
    n_arguments = code.co_argcount + code.co_kwonlyargcount
    n_arguments += sum(bool(code.co_flags & rest) for rest in (inspect.CO_VARARGS, inspect.CO_VARKEYWORDS))
    kept = {*code.co_varnames[:n_arguments], *code.co_cellvars}
    return tuple(name if name in kept else f"_{i}" for i, name in enumerate(code.co_varnames))

def compiled(source, path):
    tree = ast.parse(source)
    tree.body = [kept for each in tree.body for kept in unannotated(each)]
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
    code = compile(tree, path, "exec", dont_inherit=True, optimize=2)
    return code if path.endswith(WITH_LINES) else bare(code)

def unannotated(statement):
    """A statement of a module without what only a type checker reads: what is left of it."""
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Name) and statement.test.id == "TYPE_CHECKING":
        return statement.orelse
    if not isinstance(statement, ast.AnnAssign):
        return [statement]
    if statement.value is None:
        return []
    assigned = ast.Assign([statement.target], statement.value)
    return [ast.fix_missing_locations(ast.copy_location(assigned, statement))]

def without_signatures(symbols):
    """symbols.json without what is for readers."""
    table = json.loads(symbols)
    for function in table["functions"].values():
        del function["module"], function["signature"]
    return json.dumps(table, separators=(",", ":"))

def member(path, source):
    if path.endswith("symbols.json"):
        return without_signatures(source).encode()
    return without_comments(source).encode() if "/library/" in path else compiled(source, path)

def without_comments(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]  # which is never all there is
    return ast.unparse(tree)

def emptied(code, pieces):
    """Without its instructions and the table of its exceptions, which go to pieces."""
    pieces += code.co_code, code.co_exceptiontable
    constants = tuple(emptied(each, pieces) if isinstance(each, types.CodeType) else each for each in code.co_consts)
    return code.replace(co_code=EMPTY, co_exceptiontable=b"", co_consts=constants)

def packed(modules):
    pieces = []
    members = {path: member(path, source) for path, source in modules}
    members = {path: emptied(each, pieces) if isinstance(each, types.CodeType) else each for path, each in members.items()}
    sizes = array.array("H", map(len, pieces)).tobytes()
    raw = importlib.util.MAGIC_NUMBER + marshal.dumps((members, sizes, b"".join(pieces[::2]), b"".join(pieces[1::2])))
    return lzma.compress(raw, check=lzma.CHECK_CRC32, filters=FILTERS)

packed
`;

const [root, to] = process.argv.slice(2);
const paths = readFileSync(0, 'utf8').trim().split('\n');
const pyodide = await loadPyodide();
const pack = pyodide.runPython(PACK);
const bytes = pack(pyodide.toPy(paths.map((path) => [path, readFileSync(`${root}/${path}`, 'utf8')])));
writeFileSync(to, bytes.toJs());
