"""The seam between Python and a WebAssembly engine: what the runtime asks of a host.

A host holds one kernel instance with its linear memory, loads Programs next to it and calls into both. It keeps no
database state: that lives in the kernel. Two exist: `wasmtime` (CPython) and `pyodide` (over the JavaScript of web/).
Every host passes tests/conformance/test_host.py.

Invariants:
  H1  Whoever calls anything here holds `lock`; one thread is in the kernel at a time.
  H2  A trap unwinds all wasm frames; the host puts the kernel's stack pointer back, and raises SqlError from the
      kernel's error record, or InternalError when the record is empty (a bug of ours; the record then says
      SQLITE_INTERNAL).
  H3  After a failed `call` the record is cleared. After a failed `step` it is left in place: whoever
      drives the statement (runtime/statement.py) calls `statement_abort`, which reads it, and then `error_clear`.
      The host never aborts statements: it does not know what a statement is.
  H4  What `function` and `view` gave, and an instance's `step`, are good until the next `load` or `give_way`: a host
      may replace them.
  H5  Finalizers run anywhere, in callbacks from the kernel too: what they have to give back they leave to `later`.
  H7  While `user_calls` runs code of the user's (inside a call of the kernel), calls of the kernel nest: `give_way` and
      `pause` let nobody in, `later` waits, and nothing is replaced (H4).
  H6  Addresses and sizes are ints 0 … 2**32 - 1. i32 results come as signed ints; `address()` makes one an address.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from struct import Struct
from typing import TYPE_CHECKING, Any, Protocol

from turso_wasm.codegen.program import Program
from turso_wasm.runtime.usercode import UserCalls

if TYPE_CHECKING:
    from turso_wasm.runtime.hosts.programs import ProgramStore

SQLITE_INTERNAL = 2

LARGE = 16 << 10  # bytes of a Program from which on its code may need more stack than there is

Taken = tuple[int, bytes, bytes, int]
"""What a step gave: DONE, ROWS or YIELD; rows, the heap behind them, whether a TEXT there is not ASCII."""


def address(value: int) -> int:
    """The address in an i32 result."""
    return value & 0xFFFFFFFF


class Instance(Protocol):
    """A loaded Program: its code beside the kernel, its `data` in linear memory. It has no state of its own: any
    number of statements may run it, each with its own kernel Run.
    """

    program: Program
    heat: int  # executions left until the host may put more work into its code; below 0: it will not

    @property
    def step(self) -> Callable[[int], int]:
        """Run one step of a kernel Run: DONE, ROWS or YIELD. Errors: as H2, H3."""


class Host(Protocol):
    """See the module docstring."""

    @property
    def lock(self) -> AbstractContextManager[Any]:
        """Re-entrant; held while the kernel is entered (H1)."""

    @property
    def user_calls(self) -> UserCalls:
        """The code of the users, by connection."""

    def pause(self, seconds: float) -> None:
        """Let others into the kernel for that long; the caller holds `lock`, and holds it again afterwards."""

    def give_way(self) -> None:
        """Between two time slices: let in who waits for `lock`, which the caller holds, before and after."""

    def later(self, action: Callable[..., object], *arguments: object) -> None:
        """Call `action` with `arguments` once nobody is in the kernel, at once if nobody is (H5).

        SqlError and InternalError that come out of it are dropped.
        """

    def trim(self) -> None:
        """Memory was freed: the host may give some back to the system. Outside of any call of the kernel."""

    def function(self, name: str) -> Callable[..., Any]:
        """A kernel export as a function of ints and floats.

        It returns None, one number, or a tuple of several. Errors: SqlError as H2, H3. KeyError: no such export.
        """

    @property
    def programs(self) -> ProgramStore | None:
        """Where what was compiled outlives the process; None: nowhere."""

    def load(self, program: Program, native: bytes = b"") -> Instance:
        """Compile and instantiate `program`, or return the instance of an equal one. native: its code, from `native`
        of an earlier process; code that is of no use here is compiled.
        """

    def native(self, instance: Instance) -> bytes:
        """The machine code of a loaded Program; empty where hosts do not give it."""

    def warm(self, instance: Instance) -> None:
        """The Program of `instance` runs often or long: the host may make its code faster, also in mid-execution."""

    def shrink(self, instance: Instance) -> bool:
        """The code of `instance` trapped with a StackError: whether there is other code now, which takes less stack."""

    def read(self, at: int, size: int) -> bytes:
        """Copy bytes out of linear memory. IndexError beyond its end."""

    def write(self, at: int, data: bytes | bytearray | memoryview) -> None:
        """Copy bytes into linear memory. IndexError beyond its end."""

    def run(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> Taken:
        """Write `block` to `at`, run one `step` of a kernel Run, and take what rows it has then, unless it only gives
        way. Errors: as Instance.step.
        """

    def count(self, step: Callable[[int], int], statement: int, at: int, block: bytes) -> int:
        """As `run` of what gives no rows: how many it has changed, below 0 if it is not done."""

    def repeat(self, instance: Instance, statement: int, sets: int, n: int, done: int) -> int:
        """Run what gives no rows for the sets of parameters at `sets` that are not done yet, of n. done: address of a
        Repeated. DONE, or what the step of one gave (kernel/session/repeat.py). Errors: as Instance.step.
        """

    def unpack(self, layout: Struct, at: int) -> tuple[Any, ...]:
        """Read a structure."""

    def pack(self, layout: Struct, at: int, *values: Any) -> None:
        """Write a structure."""

    def post(self, at: int, value: int) -> None:
        """Write an i32; from any thread, without the lock."""
