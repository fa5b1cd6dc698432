"""The date and time functions: date, time, datetime, julianday, unixepoch, strftime, timediff, current_date and its kin.

Owns their results; moment.py reads time values, moment_modify.py applies modifiers. Whatever is no time value, or a modifier
that is none, gives NULL.

Source: https://sqlite.org/lang_datefunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, REAL, Statement, Value
from turso_wasm.kernel.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_room, buffer_value
from turso_wasm.kernel.moment import (
    MS_PER_DAY,
    UNIX_EPOCH,
    Moment,
    civil_from_days,
    compute_date,
    compute_fields,
    compute_jd,
    compute_time,
    days_from_civil,
    read_date,
    read_time,
    set_number,
    settle,
    valid_jd,
)
from turso_wasm.kernel.moment_modify import add_months, is_word, modify
from turso_wasm.kernel.number import NUMBER_WHOLE, text_to_real
from turso_wasm.kernel.number_text import digits_to_text, int_to_text, put_digits, real_decimal
from turso_wasm.kernel.utf8 import terminated_size
from turso_wasm.kernel.value import bytes_of, size_of, to_real, to_text
from turso_wasm.kernel.vfs import host_now
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
    u32,
)

# --- arguments -----------------------------------------------------------------------------------------------------------


def set_now(stmt: Statement, m: Moment) -> None:
    """The time at which the statement first asked for it: it stands still while a statement runs."""
    if stmt.now == 0.0:
        stmt.now = host_now()
    m.jd = i64(stmt.now) + UNIX_EPOCH
    m.has_jd = 1
    m.utc = 1
    m.local = 0


def read_text(stmt: Statement, m: Moment, p: ptr[u8], n: i32) -> bool:
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


def moment_of(stmt: Statement, m: Moment, values: ptr[Value], n: i32) -> bool:
    """The moment of a time value and its modifiers (now when there are none); True if it is one."""
    memory_fill(m, 0, sizeof(Moment))
    if n == 0:
        set_now(stmt, m)
        return True
    tag: i32 = values[0].tag
    if tag == NULL:
        return False
    if tag == INTEGER or tag == REAL:
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


# --- pieces of output --------------------------------------------------------------------------------------------------


def put_two(b: Buffer, v: i32) -> None:
    """Print two digits."""
    put_digits(buffer_room(b, 2), u32(v), 2)


def put_two_spaced(b: Buffer, v: i32) -> None:
    """Print a number below 100, a space before a single digit."""
    if v < 10:
        buffer_put(b, 32)
        buffer_put(b, 48 + v)
    else:
        put_two(b, v)


def put_year(b: Buffer, year: i32) -> None:
    """Print a year with four digits and perhaps a minus."""
    if year < 0:
        buffer_put(b, 45)
        year = 0 - year
    put_digits(buffer_room(b, 4), u32(year), 4)


def put_padded_year(b: Buffer, year: i32) -> None:
    """Print a year like %04d: with a minus it has three digits."""
    if year < 0:
        buffer_put(b, 45)
        year = 0 - year
        if year < 1000:
            put_digits(buffer_room(b, 3), u32(year), 3)
            return
    if year < 10000:
        put_digits(buffer_room(b, 4), u32(year), 4)
    else:
        put_int(b, i64(year))


def put_date(b: Buffer, m: Moment) -> None:
    """Print YYYY-MM-DD."""
    put_year(b, m.year)
    buffer_put(b, 45)
    put_two(b, m.month)
    buffer_put(b, 45)
    put_two(b, m.day)


def put_minutes(b: Buffer, m: Moment) -> None:
    """Print HH:MM."""
    put_two(b, m.hour)
    buffer_put(b, 58)
    put_two(b, m.minute)


def put_time(b: Buffer, m: Moment) -> None:
    """Print HH:MM:SS, with milliseconds after the modifier `subsec`."""
    put_minutes(b, m)
    buffer_put(b, 58)
    if m.subsecond:
        put_milliseconds(b, i32(m.second * 1000.0 + 0.5))
    else:
        put_two(b, i32(m.second))


def put_milliseconds(b: Buffer, ms: i32) -> None:
    """Print SS.SSS."""
    put_two(b, ms // 1000)
    buffer_put(b, 46)
    put_digits(buffer_room(b, 3), u32(ms % 1000), 3)


def put_int(b: Buffer, v: i64) -> None:
    """Print an integer."""
    room: ptr[u8] = scratch(24)
    buffer_add(b, room, int_to_text(v, room))


# --- date, time, datetime, julianday, unixepoch ------------------------------------------------------------------------


@export
def fn_date(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
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
def fn_time(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
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
def fn_datetime(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
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
def fn_julianday(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """julianday(time value, modifier, …)."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    return REAL, bits(f64(m.jd) / 86400000.0)


@export
def fn_unixepoch(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """unixepoch(time value, modifier, …): seconds since 1970; a REAL with milliseconds after the modifier `subsec`."""
    m: Moment = Moment(scratch(sizeof(Moment)))
    if not moment_of(stmt, m, values, n):
        return NULL, 0
    if m.subsecond:
        return REAL, bits(f64(m.jd - UNIX_EPOCH) / 1000.0)
    return INTEGER, m.jd // 1000 - UNIX_EPOCH // 1000


@export
def fn_current_date(stmt: Statement) -> tuple[i32, i64]:
    """current_date."""
    return fn_date(stmt, ptr[Value](0), 0)


@export
def fn_current_time(stmt: Statement) -> tuple[i32, i64]:
    """current_time."""
    return fn_time(stmt, ptr[Value](0), 0)


@export
def fn_current_timestamp(stmt: Statement) -> tuple[i32, i64]:
    """current_timestamp."""
    return fn_datetime(stmt, ptr[Value](0), 0)


# --- strftime ----------------------------------------------------------------------------------------------------------------


def day_number(jd: i64) -> i32:
    """Days since 1970-01-01 of a moment."""
    return i32((jd + 43200000) // MS_PER_DAY) - 2440588


def weekday(m: Moment) -> i32:
    """0 for Sunday."""
    return i32(((m.jd + 129600000) // MS_PER_DAY) % 7)


def day_of_year(m: Moment) -> i32:
    """0 for January 1."""
    return day_number(m.jd) - days_from_civil(m.year, 1, 1)


def iso_year(m: Moment) -> tuple[i32, i32]:
    """(year, week 1..53) of ISO 8601: those of the week's Thursday."""
    thursday: i32 = day_number(m.jd) - (weekday(m) + 6) % 7 + 3
    year, _, _ = civil_from_days(thursday)
    return year, (thursday - days_from_civil(year, 1, 1)) // 7 + 1


def put_julian_day(b: Buffer, jd: i64) -> None:
    """Print a Julian day like %.16g."""
    if jd == 0:
        buffer_put(b, 48)
        return
    n, exponent = real_decimal(f64(jd) / 86400000.0, 16, 16)
    digits: ptr[u8] = scratch(24)
    kept, count = digits_to_text(n, digits)
    whole: i32 = count + exponent
    if whole <= 0:
        put_small(b, digits, kept, whole)
        return
    memory_copy(buffer_room(b, i64(whole)), digits, whole)
    if whole > kept:
        memory_fill(b.data + b.size - (whole - kept), 48, whole - kept)
    elif kept > whole:
        buffer_put(b, 46)
        buffer_add(b, digits + whole, kept - whole)


def put_small(b: Buffer, digits: ptr[u8], n: i32, point: i32) -> None:
    """Print 0.digits * 10^point, point <= 0, like %g."""
    if point < -3:
        buffer_put(b, digits[0])
        if n > 1:
            buffer_put(b, 46)
            buffer_add(b, digits + 1, n - 1)
        buffer_add(b, *lit(b"e-"))
        put_two(b, 1 - point)
        return
    buffer_add(b, *lit(b"0."))
    while point < 0:
        buffer_put(b, 48)
        point += 1
    buffer_add(b, digits, n)


def put_unix(b: Buffer, m: Moment) -> None:
    """Print seconds since 1970, with milliseconds after the modifier `subsec`."""
    if m.subsecond == 0:
        put_int(b, m.jd // 1000 - UNIX_EPOCH // 1000)
        return
    ms: i64 = m.jd - UNIX_EPOCH
    if ms < 0:
        buffer_put(b, 45)
        ms = 0 - ms
    put_int(b, ms // 1000)
    buffer_put(b, 46)
    put_digits(buffer_room(b, 3), u32(ms % 1000), 3)


def put_field(b: Buffer, m: Moment, c: i32) -> bool:
    """Print one conversion of strftime; False when the letter is none."""
    hour12: i32 = 12 if m.hour % 12 == 0 else m.hour % 12
    if c == 100:  # d
        put_two(b, m.day)
    elif c == 101:  # e
        put_two_spaced(b, m.day)
    elif c == 102:  # f
        put_milliseconds(b, i32((59.999 if m.second > 59.999 else m.second) * 1000.0 + 0.5))
    elif c == 70:  # F
        put_padded_year(b, m.year)
        buffer_put(b, 45)
        put_two(b, m.month)
        buffer_put(b, 45)
        put_two(b, m.day)
    elif c == 72:  # H
        put_two(b, m.hour)
    elif c == 73:  # I
        put_two(b, hour12)
    elif c == 106:  # j
        put_digits(buffer_room(b, 3), u32(day_of_year(m) + 1), 3)
    elif c == 74:  # J
        put_julian_day(b, m.jd)
    elif c == 107:  # k
        put_two_spaced(b, m.hour)
    elif c == 108:  # l
        put_two_spaced(b, hour12)
    elif c == 109:  # m
        put_two(b, m.month)
    elif c == 77:  # M
        put_two(b, m.minute)
    elif c == 112 or c == 80:  # p P
        buffer_put(b, (80 if m.hour >= 12 else 65) | (32 if c == 80 else 0))
        buffer_put(b, 109 if c == 80 else 77)
    elif c == 82:  # R
        put_minutes(b, m)
    elif c == 115:  # s
        put_unix(b, m)
    elif c == 83:  # S
        put_two(b, i32(m.second))
    elif c == 84:  # T
        put_minutes(b, m)
        buffer_put(b, 58)
        put_two(b, i32(m.second))
    elif c == 89:  # Y
        put_padded_year(b, m.year)
    elif c == 37:
        buffer_put(b, 37)
    else:
        return put_week_field(b, m, c)
    return True


def put_week_field(b: Buffer, m: Moment, c: i32) -> bool:
    """Print one of the conversions that have to do with weeks; False when the letter is none."""
    if c == 117:  # u
        day: i32 = weekday(m)
        buffer_put(b, 48 + (7 if day == 0 else day))
    elif c == 119:  # w
        buffer_put(b, 48 + weekday(m))
    elif c == 85:  # U
        put_two(b, (day_of_year(m) - weekday(m) + 7) // 7)
    elif c == 87:  # W
        put_two(b, (day_of_year(m) - (weekday(m) + 6) % 7 + 7) // 7)
    elif c == 86 or c == 71 or c == 103:  # V G g
        year, week = iso_year(m)
        if c == 86:
            put_two(b, week)
        elif c == 71:
            put_padded_year(b, year)
        elif year >= 0 or year % 100 == 0:
            put_two(b, year % 100)
        else:
            put_int(b, i64(year % 100))
    else:
        return False
    return True


@export
def fn_strftime(stmt: Statement, values: ptr[Value], n: i32) -> tuple[i32, i64]:
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


# --- timediff ------------------------------------------------------------------------------------------------------------------


def move_months(m: Moment, from_: Moment, months: i32) -> None:
    """Make m the moment `from_`, whose fields are valid, moved by months."""
    memory_copy(m, from_, sizeof(Moment))
    add_months(m, months)
    compute_jd(m)


@export
def fn_timediff(stmt: Statement, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
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


def difference(stmt: Statement, forward: bool, months: i32, ms: i64) -> tuple[i32, i64]:
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
