"""Modifiers of time values: `+3 days`, `start of month`, `weekday 1`, `unixepoch`, …

Source: https://sqlite.org/lang_datefunc.html section 4, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.functions.moment import (
    MS_PER_DAY,
    UNIX_EPOCH,
    Moment,
    civil_from_days,
    compute_date,
    compute_fields,
    compute_jd,
    days_from_civil,
    forget_fields,
    four_digits,
    has,
    note_overflow,
    read_time,
    skip_spaces,
    two_digits,
)
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.number import NUMBER_WHOLE, is_digit, is_space, text_to_real
from turso_wasm.wasm.lang import Struct, bits, f64, fabs, i32, i64, imported, lit, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

UNIX_MIN = -210866760000.0  # seconds of the first and last moments (moment D2)
UNIX_MAX = 253402300799.0
JD_RAW_END = 464269060800000.0
KNOWN_END = 2145916800000  # 2038-01-01, in ms since 1970


def is_word(p: ptr[u8], n: i32, word: ptr[u8], size: i32) -> bool:
    """Whether the text is that word (in lower case), in any case."""
    i: i32 = 0
    while i < n and i < size and fold(p[i]) == word[i]:
        i += 1
    return i == n and i == size


def starts_with(p: ptr[u8], n: i32, word: ptr[u8], size: i32) -> bool:
    """Whether the text begins with that word (in lower case), in any case."""
    return n >= size and is_word(p, size, word, size)


# --- words --------------------------------------------------------------------------------------------------


def set_unix(m: Moment, seconds: f64) -> None:
    """Take the raw number as seconds since 1970."""
    m.jd = i64(seconds * 1000.0 + f64(UNIX_EPOCH) + 0.5)
    m.has_jd = 1
    m.raw = 0


def modify_auto(m: Moment) -> bool:
    """`auto`: a number is a Julian day if it can be one, else seconds since 1970."""
    if m.raw == 0 or m.has_jd:
        m.raw = 0
        return True
    if m.second < UNIX_MIN or m.second > UNIX_MAX:
        return True
    set_unix(m, m.second)
    return True


def modify_unixepoch(m: Moment) -> bool:
    """`unixepoch`: the number is seconds since 1970."""
    if m.raw == 0:
        return False
    jd: f64 = m.second * 1000.0 + f64(UNIX_EPOCH)
    if jd < 0.0 or jd >= JD_RAW_END:
        return False
    set_unix(m, m.second)
    return True


def modify_julianday(m: Moment) -> bool:
    """`julianday`: the number is a Julian day."""
    if m.raw == 0 or m.has_jd == 0:
        return False
    m.raw = 0
    return True


def modify_weekday(m: Moment, p: ptr[u8], n: i32) -> bool:
    """`weekday N`: forward to the next day that is that weekday, 0 for Sunday; `weekday -N`: back to the last one."""
    v, kind = text_to_real(p, n)
    day: i64 = i64(fabs(v))
    if kind != NUMBER_WHOLE or f64(day) != fabs(v) or day > 6:
        return False
    compute_fields(m)
    m.zone = 0
    m.has_jd = 0
    compute_jd(m)
    today: i64 = ((m.jd + 129600000) // MS_PER_DAY) % 7
    if bits(v) < 0:
        if today < day:
            today += 7
    elif today > day:
        today -= 7
    m.jd += (day - today) * MS_PER_DAY
    forget_fields(m)
    return True


def modify_start(m: Moment, p: ptr[u8], n: i32) -> bool:
    """`start of month`, `year` or `day`; the text is what follows `start of `."""
    if m.has_jd == 0 and m.has_date == 0 and m.has_time == 0:
        return False
    month: bool = is_word(p, n, *lit(b"month"))
    year: bool = is_word(p, n, *lit(b"year"))
    compute_date(m)
    m.has_time = 1
    m.hour = 0
    m.minute = 0
    m.second = 0.0
    m.raw = 0
    m.zone = 0
    m.has_jd = 0
    if month or year:
        m.day = 1
        if year:
            m.month = 1
        return True
    return is_word(p, n, *lit(b"day"))


# --- shifts -------------------------------------------------------------------------------------------------


class Unit(Struct):
    """What `NNN units` may be: seconds in one, and how far it may reach."""

    seconds: f64
    limit: f64
    months: i32  # calendar months in one, 0 for units of fixed length


def unit_of(u: Unit, p: ptr[u8], n: i32) -> bool:
    """Find the unit of that name (singular); False when there is none."""
    u.months = 0
    if is_word(p, n, *lit(b"second")):
        u.seconds = 1.0
        u.limit = 4.6427e14
    elif is_word(p, n, *lit(b"minute")):
        u.seconds = 60.0
        u.limit = 7.7379e12
    elif is_word(p, n, *lit(b"hour")):
        u.seconds = 3600.0
        u.limit = 1.2897e11
    elif is_word(p, n, *lit(b"day")):
        u.seconds = 86400.0
        u.limit = 5373485.0
    elif is_word(p, n, *lit(b"month")):
        u.seconds = 2592000.0
        u.limit = 176546.0
        u.months = 1
    elif is_word(p, n, *lit(b"year")):
        u.seconds = 31536000.0
        u.limit = 14713.0
        u.months = 12
    else:
        return False
    return True


def add_months(m: Moment, months: i32) -> None:
    """Move the calendar date by months; date must be valid, jd is not afterwards."""
    zero_based: i32 = m.month - 1 + months
    years: i32 = (zero_based if zero_based >= 0 else zero_based - 11) // 12
    m.year += years
    m.month = zero_based - years * 12 + 1
    note_overflow(m)
    m.has_jd = 0


def shift_units(m: Moment, v: f64, p: ptr[u8], n: i32) -> bool:
    """Move by v units, whose name, perhaps plural, is the text."""
    if n < 3 or n > 10:
        return False
    if fold(p[n - 1]) == 115:
        n -= 1
    compute_jd(m)
    u: Unit = Unit(scratch(sizeof(Unit)))
    if not unit_of(u, p, n) or v >= u.limit or v <= -u.limit:
        return False
    m.overflow = 0
    half: f64 = -0.5 if v < 0.0 else 0.5
    if u.months:
        whole: i32 = i32(v)
        compute_fields(m)
        add_months(m, whole * u.months)
        v -= f64(whole)
    compute_jd(m)
    m.jd += i64(v * 1000.0 * u.seconds + half)
    forget_fields(m)
    return True


def shift_time(m: Moment, negative: bool, p: ptr[u8], n: i32) -> bool:
    """Move by HH:MM[:SS[.SSS]]."""
    if n > 0 and not is_digit(p[0]):
        p = p + 1
        n -= 1
    other: Moment = Moment(scratch(sizeof(Moment)))
    memory_fill(other, 0, sizeof(Moment))
    if not read_time(other, p, n, 0):
        return False
    compute_jd(other)
    # The time of day alone.
    delta: i64 = (other.jd - 43200000) % MS_PER_DAY
    compute_jd(m)
    forget_fields(m)
    m.jd += 0 - delta if negative else delta
    return True


def shift_date(m: Moment, p: ptr[u8], n: i32, year_end: i32) -> bool:
    """Move by ±YYYY-MM-DD, perhaps with HH:MM… behind it; year_end: index of the first minus inside."""
    if p[0] != 43 and p[0] != 45:
        return False
    negative: bool = p[0] == 45
    year: i32 = four_digits(p, n, year_end - 4)
    if year_end == 6:
        year += (p[1] - 48) * 10000
    months: i32 = two_digits(p, n, year_end + 1, 11)
    days: i32 = two_digits(p, n, year_end + 4, 30)
    if months < 0 or days < 0 or not has(p, n, year_end + 3, 45):
        return False
    months += year * 12
    if negative:
        months = 0 - months
        days = 0 - days
    compute_fields(m)
    add_months(m, months)
    compute_jd(m)
    m.has_time = 0
    m.has_date = 0
    m.jd += i64(days) * MS_PER_DAY
    behind: i32 = year_end + 6
    if behind >= n:
        return True
    if not is_space(p[behind]):
        return False
    return shift_time_behind(m, negative, p + behind + 1, n - behind - 1)


def shift_time_behind(m: Moment, negative: bool, p: ptr[u8], n: i32) -> bool:
    """Move by the HH:MM… behind a date."""
    if two_digits(p, n, 0, 24) < 0 or not has(p, n, 2, 58) or two_digits(p, n, 3, 59) < 0:
        return False
    return shift_time(m, negative, p, n)


def number_end(p: ptr[u8], n: i32) -> i32:
    """Index behind the number at the start: a colon, a space, or the minus that makes it ±YYYY-MM-DD."""
    i: i32 = 1
    while i < n and p[i] != 58 and not is_space(p[i]):
        if p[i] == 45:
            if i == 5 and four_digits(p, n, 1) >= 0:
                break
            if i == 6 and is_digit(p[1]) and four_digits(p, n, 2) >= 0:
                break
        i += 1
    return i


def modify_shift(m: Moment, p: ptr[u8], n: i32) -> bool:
    """A modifier that begins with a sign or digit."""
    end: i32 = number_end(p, n)
    v, kind = text_to_real(p, end)
    if kind != NUMBER_WHOLE:
        return False
    if has(p, n, end, 45):
        return shift_date(m, p, n, end)
    if has(p, n, end, 58):
        return shift_time(m, p[0] == 45, p, n)
    end = skip_spaces(p, n, end)
    return shift_units(m, v, p + end, n - end)


# --- dispatch -----------------------------------------------------------------------------------------------


def modify_floor(m: Moment) -> bool:
    """`floor`: take back the days by which the day exceeded its month."""
    compute_jd(m)
    m.jd -= i64(m.overflow) * MS_PER_DAY
    forget_fields(m)
    return True


def modify_ceiling(m: Moment) -> bool:
    """`ceiling`: days that exceed a month count on, as they do anyway."""
    compute_jd(m)
    forget_fields(m)
    m.overflow = 0
    return True


def modify(m: Moment, p: ptr[u8], n: i32, first: bool) -> bool:
    """Apply a modifier; first: it follows the time value at once. False when it is none, or does not fit there."""
    if n == 0:
        return False
    c: i32 = p[0]
    if c == 43 or c == 45 or is_digit(c):
        return modify_shift(m, p, n)
    if is_word(p, n, *lit(b"auto")):
        return first and modify_auto(m)
    if is_word(p, n, *lit(b"unixepoch")):
        return first and modify_unixepoch(m)
    if is_word(p, n, *lit(b"julianday")):
        return first and modify_julianday(m)
    if is_word(p, n, *lit(b"floor")):
        return modify_floor(m)
    if is_word(p, n, *lit(b"ceiling")):
        return modify_ceiling(m)
    if is_word(p, n, *lit(b"localtime")):
        return modify_localtime(m)
    if is_word(p, n, *lit(b"utc")):
        return modify_utc(m)
    if is_word(p, n, *lit(b"subsec")) or is_word(p, n, *lit(b"subsecond")):
        m.subsecond = 1
        return True
    if starts_with(p, n, *lit(b"weekday ")):
        return modify_weekday(m, p + 8, n - 8)
    if starts_with(p, n, *lit(b"start of ")):
        return modify_start(m, p + 9, n - 9)
    return False


# --- local time ---------------------------------------------------------------------------------------------


@imported("vfs")
def host_utc_offset(ms: f64) -> i32:
    """Seconds that local time is ahead of UTC at a time in ms since 1970."""


def utc_offset(jd: i64) -> i64:
    """Milliseconds that local time is ahead of UTC at that moment.

    Outside 1970..2037, where hosts need not know the rules, a year from 2000 to 2003 stands for the year, as in SQLite.
    """
    ms: i64 = jd - UNIX_EPOCH
    if ms < 0 or ms >= KNOWN_END:
        day: i64 = (jd + 43200000) // MS_PER_DAY
        year, month, day_of_month = civil_from_days(i32(day) - 2440588)
        stand_in: i32 = days_from_civil(2000 + (year % 4 + 4) % 4, month, day_of_month)
        ms = i64(stand_in) * MS_PER_DAY + (jd + 43200000) % MS_PER_DAY
    return i64(host_utc_offset(f64(ms))) * 1000


def modify_localtime(m: Moment) -> bool:
    """`localtime`: from UTC to local time. As in SQLite, a moment that is none becomes the year 2000."""
    compute_jd(m)
    if m.local == 0:
        if m.failed:
            compute_jd(m)
            m.failed = 0
        m.jd += utc_offset(m.jd)
        forget_fields(m)
        m.utc = 0
        m.local = 1
    return True


def modify_utc(m: Moment) -> bool:
    """`utc`: from local time to UTC. As in SQLite, `subsec` must follow it, and a moment that is none becomes one."""
    if m.utc:
        return True
    compute_jd(m)
    local: i64 = m.jd
    guess: i64 = local - utc_offset(local)
    # Near a change of the offset the first guess may take the wrong one; a time that the clocks skip has no right one,
    # and SQLite tries this often.
    for _ in range(2):
        guess = local - utc_offset(guess)
    m.jd = guess
    m.has_jd = 1
    m.failed = 0
    forget_fields(m)
    m.subsecond = 0
    m.utc = 1
    m.local = 0
    return True
