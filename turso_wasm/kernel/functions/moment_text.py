"""Moments as text: the fields of strftime, and the pieces the other date functions print.

Owns the output side of the date and time functions.

Source: https://sqlite.org/lang_datefunc.html section 5, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.functions.moment import MS_PER_DAY, UNIX_EPOCH, Moment, civil_from_days, days_from_civil
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_put, buffer_room
from turso_wasm.kernel.values.number_text import digits_to_text, int_to_text, put_digits, real_decimal
from turso_wasm.wasm.lang import f64, i32, i64, lit, memory_copy, memory_fill, ptr, scratch, u8, u32

__subset__ = True

# --- pieces of output ---------------------------------------------------------------------------------------


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


# --- fields of strftime -------------------------------------------------------------------------------------


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
