"""The date and time functions: date, time, datetime, julianday, unixepoch, strftime, timediff, current_date and its
kin.

Owns their results; moment.py reads time values, moment_modify.py applies modifiers, moment_text.py prints. Whatever is
no time value, or a modifier that is none, gives NULL.

Source: https://sqlite.org/lang_datefunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, TEXT, Run, Value
from turso_wasm.kernel.base.vfs import host_now
from turso_wasm.kernel.functions.moment import (
    MS_PER_DAY,
    UNIX_EPOCH,
    Moment,
    compute_date,
    compute_fields,
    compute_jd,
    compute_time,
    read_date,
    read_time,
    set_number,
    settle,
    valid_jd,
)
from turso_wasm.kernel.functions.moment_modify import add_months, is_word, modify
from turso_wasm.kernel.functions.moment_text import (
    put_date,
    put_field,
    put_milliseconds,
    put_padded_year,
    put_time,
    put_two,
)
from turso_wasm.kernel.values.buffer import Buffer, buffer_init, buffer_put, buffer_value
from turso_wasm.kernel.values.number import NUMBER_WHOLE, text_to_real
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import bytes_of, size_of, to_real, to_text
from turso_wasm.wasm.lang import (
    bits,
    export,
    f64,
    i32,
    i64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
)

__subset__ = True

# --- arguments ----------------------------------------------------------------------------------------------


def set_now(stmt: Run, m: Moment) -> None:
    """The time at which the statement first asked for it: it stands still while a statement runs."""
    if stmt.now == 0.0:
        stmt.now = host_now()
    m.jd = i64(stmt.now) + UNIX_EPOCH
    m.has_jd = 1
    m.utc = 1
    m.local = 0


def read_text(stmt: Run, m: Moment, p: ptr[u8], n: i32) -> bool:
    """Read a time value; True if the text is one."""
    if read_date(m, p, n):
        settle(m)
        return True
    m.zone = 0
    if read_time(m, p, n, 0):
        settle(m)
        return True
    if is_word(p, n, *lit(b"now")):
        set_now(stmt, m)
        return True
    v, kind = text_to_real(p, n)
    if kind == NUMBER_WHOLE:
        set_number(m, v)
        return True
    if is_word(p, n, *lit(b"subsec")) or is_word(p, n, *lit(b"subsecond")):
        m.subsecond = 1
        set_now(stmt, m)
        return True
    return False


def moment_of(stmt: Run, m: Moment, values: ptr[Value], n: i32) -> bool:
    """The moment of a time value and its modifiers (now when there are none); True if it is one."""
    memory_fill(m, 0, sizeof(Moment))
    if n == 0:
        set_now(stmt, m)
        return True
    tag: i32 = values[0].tag
    if tag == NULL:
        return False
    if tag < TEXT:
        set_number(m, to_real(tag, values[0].payload))
    else:
        p: ptr[u8] = bytes_of(values[0].payload)
        if not read_text(stmt, m, p, terminated_size(p, size_of(values[0].payload))):
            return False
    for i in range(1, n):
        if values[i].tag == NULL:
            return False
        text: i64 = to_text(stmt, values[i].tag, values[i].payload)
        p = bytes_of(text)
        if not modify(m, p, terminated_size(p, size_of(text)), i == 1):
            return False
    compute_jd(m)
    if m.failed or not valid_jd(m.jd):
        return False
    if n == 1 and m.has_date and m.day > 28:
        m.has_date = 0  # a day beyond its month becomes one of the next (moment D1)
    return True


# --- date, time, datetime, julianday, unixepoch -------------------------------------------------------------


@export
def fn_date(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """date(time value, modifier, …)."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    compute_date(m)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_date(b, m)
    return buffer_value(b)


@export
def fn_time(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """time(time value, modifier, …)."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    compute_time(m)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_time(b, m)
    return buffer_value(b)


@export
def fn_datetime(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """datetime(time value, modifier, …)."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    compute_fields(m)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    put_date(b, m)
    buffer_put(b, 32)
    put_time(b, m)
    return buffer_value(b)


@export
def fn_julianday(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """julianday(time value, modifier, …)."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    return REAL, bits(f64(m.jd) / 86400000.0)


@export
def fn_unixepoch(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """unixepoch(time value, modifier, …): seconds since 1970; a REAL with milliseconds after the modifier `subsec`."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    if m.subsecond:
        return REAL, bits(f64(m.jd - UNIX_EPOCH) / 1000.0)
    return INTEGER, m.jd // 1000 - UNIX_EPOCH // 1000


@export
def fn_current_date(stmt: Run) -> tuple[i32, i64]:
    """current_date."""
    return fn_date(stmt, ptr[Value](0), 0)


@export
def fn_current_time(stmt: Run) -> tuple[i32, i64]:
    """current_time."""
    return fn_time(stmt, ptr[Value](0), 0)


@export
def fn_current_timestamp(stmt: Run) -> tuple[i32, i64]:
    """current_timestamp."""
    return fn_datetime(stmt, ptr[Value](0), 0)


# --- strftime -----------------------------------------------------------------------------------------------


@export
def fn_strftime(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """strftime(format, time value, modifier, …): NULL for an unknown conversion."""
    if n == 0 or values[0].tag == NULL:
        return NULL, 0
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values + 1, n - 1):
        return NULL, 0
    compute_fields(m)
    text: i64 = to_text(stmt, values[0].tag, values[0].payload)
    p: ptr[u8] = bytes_of(text)
    size: i32 = terminated_size(p, size_of(text))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    i: i32 = 0
    while i < size:
        if p[i] != 37:
            buffer_put(b, p[i])
        else:
            i += 1
            if i == size or not put_field(b, m, p[i]):
                return NULL, 0
        i += 1
    return buffer_value(b)


# --- timediff -----------------------------------------------------------------------------------------------


def move_months(m: Moment, from_: Moment, months: i32) -> None:
    """Make m the moment `from_`, whose fields are valid, moved by months."""
    memory_copy(m, from_, sizeof(Moment))
    add_months(m, months)
    compute_jd(m)


@export
def fn_timediff(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """timediff(A, B): ±YYYY-MM-DD HH:MM:SS.SSS, the modifier that makes A of B: months first, then days and time."""
    room: ptr[Value] = ptr[Value](scratch(sizeof(Value) * 2))
    room[0].tag = tag
    room[0].payload = payload
    room[1].tag = tag2
    room[1].payload = payload2
    a: Moment = Moment(scratch(sizeof(Moment)))
    d: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, a, room, 1) or not moment_of(stmt, d, room + 1, 1):
        return NULL, 0
    compute_fields(a)
    compute_fields(d)
    forward: bool = a.jd >= d.jd
    months: i32 = (a.year - d.year) * 12 + a.month - d.month
    moved: Moment = Moment(scratch(sizeof(Moment)))
    move_months(moved, d, months)
    # As many whole months as do not go too far.
    while (moved.jd > a.jd) if forward else (moved.jd < a.jd):
        months += -1 if forward else 1
        move_months(moved, d, months)
    return difference(stmt, forward, months if forward else 0 - months, a.jd - moved.jd)


def difference(stmt: Run, forward: bool, months: i32, ms: i64) -> tuple[i32, i64]:
    """The text of a difference."""
    ms = ms if ms >= 0 else 0 - ms
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, 43 if forward else 45)
    put_padded_year(b, months // 12)
    buffer_put(b, 45)
    put_two(b, months % 12)
    buffer_put(b, 45)
    put_two(b, i32(ms // MS_PER_DAY))
    buffer_put(b, 32)
    rest: i32 = i32(ms % MS_PER_DAY)
    put_two(b, rest // 3600000)
    buffer_put(b, 58)
    put_two(b, rest // 60000 % 60)
    buffer_put(b, 58)
    put_milliseconds(b, rest % 60000)
    return buffer_value(b)
