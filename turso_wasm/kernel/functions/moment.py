"""A moment in time: Julian day number, calendar fields, and the way between them; reading time values.

Owns the state that the date and time functions work on. `moment_modify` changes it, `datetime` prints it.

A moment is known as `jd`, milliseconds since noon in Greenwich on November 24, 4714 BC (proleptic Gregorian), as
calendar date, as time of day, or as a plain number whose meaning is still open (`raw`); `has_*` tells which of them are
valid.

Invariants:
  D1  When several of jd, date and time are valid they agree, but a day of the month may exceed its month (February 30):
      it counts on into the next month once jd is computed.
  D2  A result lies between -4713-11-24 12:00:00 and 9999-12-31 23:59:59.999: 0 <= jd <= JD_MAX.

Source: https://sqlite.org/lang_datefunc.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.values.number import is_digit, is_space
from turso_wasm.wasm.lang import Struct, f64, i32, i64, ptr, u8

__subset__ = True

MS_PER_DAY = 86400000
JD_MAX = 464269060799999
UNIX_EPOCH = 210866760000000  # jd of 1970-01-01
RAW_DAY_LIMIT = 5373484.5  # a number below this may be a Julian day


class Moment(Struct):
    """State of one date and time function; zeroed before use."""

    jd: i64
    second: f64  # of the minute; the number itself while `raw`
    year: i32
    month: i32
    day: i32
    hour: i32
    minute: i32
    zone: i32  # minutes east of UTC still to be taken away
    has_jd: i32
    has_date: i32
    has_time: i32
    raw: i32
    failed: i32
    subsecond: i32
    utc: i32  # known to be UTC
    local: i32  # known to be local time
    overflow: i32  # days by which `day` exceeds its month, as read or after a change of months or years


# --- calendar -----------------------------------------------------------------------------------------------


def days_from_civil(year: i32, month: i32, day: i32) -> i32:
    """Days from 1970-01-01 (proleptic Gregorian); `day` may lie outside its month.

    Counted in years from March on, so that a leap day ends a year, and in eras of 400 years.
    """
    y: i32 = year - i32(month <= 2)
    era: i32 = (y if y >= 0 else y - 399) // 400
    year_of_era: i32 = y - era * 400
    shifted: i32 = month - 3 if month > 2 else month + 9
    day_of_year: i32 = (153 * shifted + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def civil_from_days(days: i32) -> tuple[i32, i32, i32]:
    """(year, month, day) of a number of days from 1970-01-01."""
    z: i32 = days + 719468
    era: i32 = (z if z >= 0 else z - 146096) // 146097
    day_of_era: i32 = z - era * 146097
    year_of_era: i32 = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year: i32 = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted: i32 = (5 * day_of_year + 2) // 153
    month: i32 = shifted + 3 if shifted < 10 else shifted - 9
    day: i32 = day_of_year - (153 * shifted + 2) // 5 + 1
    return year_of_era + era * 400 + i32(month <= 2), month, day


def fail(m: Moment) -> None:
    """Make the moment one that is none: all its results are NULL, unless it is asked for another time zone."""
    m.failed = 1
    m.jd = 0
    m.has_jd = 0
    m.has_date = 0
    m.has_time = 0
    m.raw = 0
    m.subsecond = 0


def compute_jd(m: Moment) -> None:
    """Make jd valid."""
    if m.has_jd:
        return
    if m.has_date == 0:
        m.year = 2000
        m.month = 1
        m.day = 1
    if m.year < -4713 or m.year > 9999 or m.raw:
        fail(m)
        return
    # Midnight: half a day before the noon at which a Julian day begins.
    m.jd = i64(days_from_civil(m.year, m.month, m.day)) * MS_PER_DAY + UNIX_EPOCH
    m.has_jd = 1
    if m.has_time:
        m.jd += i64(m.hour * 3600000 + m.minute * 60000) + i64(m.second * 1000.0 + 0.5)
        if m.zone:
            m.jd -= i64(m.zone * 60000)
            m.has_date = 0
            m.has_time = 0
            m.zone = 0
            m.utc = 1
            m.local = 0


def valid_jd(jd: i64) -> bool:
    """Invariant D2."""
    return jd >= 0 and jd <= JD_MAX


def compute_date(m: Moment) -> None:
    """Make the calendar date valid."""
    if m.has_date:
        return
    if m.has_jd == 0:
        m.year = 2000
        m.month = 1
        m.day = 1
    elif not valid_jd(m.jd):
        fail(m)
        return
    else:
        year, month, day = civil_from_days(i32((m.jd + 43200000) // MS_PER_DAY) - 2440588)
        m.year = year
        m.month = month
        m.day = day
    m.has_date = 1


def compute_time(m: Moment) -> None:
    """Make the time of day valid."""
    if m.has_time:
        return
    compute_jd(m)
    ms: i32 = i32((m.jd + 43200000) % MS_PER_DAY)
    m.second = f64(ms % 60000) / 1000.0
    m.minute = ms // 60000 % 60
    m.hour = ms // 3600000
    m.raw = 0
    m.has_time = 1


def compute_fields(m: Moment) -> None:
    """Make date and time valid."""
    compute_date(m)
    compute_time(m)


def forget_fields(m: Moment) -> None:
    """Only jd is valid any more."""
    m.has_date = 0
    m.has_time = 0
    m.zone = 0


def days_in_month(year: i32, month: i32) -> i32:
    """28..31."""
    if month == 2:
        leap: bool = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 28 + i32(leap)
    return 30 if month == 4 or month == 6 or month == 9 or month == 11 else 31


def note_overflow(m: Moment) -> None:
    """Remember by how many days the day exceeds its month, for the modifier `floor`."""
    excess: i32 = m.day - days_in_month(m.year, m.month)
    m.overflow = excess if excess > 0 else 0


# --- reading ------------------------------------------------------------------------------------------------


def two_digits(p: ptr[u8], n: i32, at: i32, highest: i32) -> i32:
    """The number of the two digits at `at`; -1 unless they are there and it is at most `highest`."""
    if at + 2 > n or not is_digit(p[at]) or not is_digit(p[at + 1]):
        return -1
    value: i32 = (p[at] - 48) * 10 + p[at + 1] - 48
    return value if value <= highest else -1


def four_digits(p: ptr[u8], n: i32, at: i32) -> i32:
    """The number of the four digits at `at`; -1 unless they are there."""
    high: i32 = two_digits(p, n, at, 99)
    low: i32 = two_digits(p, n, at + 2, 99)
    return high * 100 + low if high >= 0 and low >= 0 else -1


def has(p: ptr[u8], n: i32, at: i32, c: i32) -> bool:
    """Whether that byte is there."""
    return at < n and p[at] == c


def skip_spaces(p: ptr[u8], n: i32, at: i32) -> i32:
    """Index of the first byte from `at` on that is no space."""
    while at < n and is_space(p[at]):
        at += 1
    return at


def read_zone(m: Moment, p: ptr[u8], n: i32, at: i32) -> bool:
    """Read what may follow a time: spaces, Z or ±HH:MM. True if the text ends there."""
    at = skip_spaces(p, n, at)
    m.zone = 0
    if at == n:
        return True
    if p[at] == 90 or p[at] == 122:
        m.local = 0
        m.utc = 1
        return skip_spaces(p, n, at + 1) == n
    if p[at] != 43 and p[at] != 45:
        return False
    hours: i32 = two_digits(p, n, at + 1, 14)
    minutes: i32 = two_digits(p, n, at + 4, 59)
    if hours < 0 or minutes < 0 or not has(p, n, at + 3, 58):
        return False
    m.zone = hours * 60 + minutes
    if p[at] == 45:
        m.zone = 0 - m.zone
    if m.zone == 0:
        m.local = 0
        m.utc = 1
    return skip_spaces(p, n, at + 6) == n


def read_fraction(p: ptr[u8], n: i32, at: i32) -> tuple[f64, i32]:
    """The fraction of a second whose digits begin at `at`, at most 0.999: (value, index behind)."""
    value: f64 = 0.0
    scale: f64 = 1.0
    while at < n and is_digit(p[at]):
        value = value * 10.0 + f64(p[at] - 48)
        scale = scale * 10.0
        at += 1
    value = value / scale
    return 0.999 if value > 0.999 else value, at


def read_time(m: Moment, p: ptr[u8], n: i32, at: i32) -> bool:
    """Read HH:MM, HH:MM:SS or HH:MM:SS.SSS with an optional zone; 24:00 ends a day. True if the text is one."""
    hour: i32 = two_digits(p, n, at, 24)
    minute: i32 = two_digits(p, n, at + 3, 59)
    if hour < 0 or minute < 0 or not has(p, n, at + 2, 58):
        return False
    at += 5
    second: i32 = 0
    fraction: f64 = 0.0
    if has(p, n, at, 58):
        second = two_digits(p, n, at + 1, 59)
        if second < 0:
            return False
        at += 3
        if has(p, n, at, 46) and at + 1 < n and is_digit(p[at + 1]):
            part, behind = read_fraction(p, n, at + 1)
            fraction = part
            at = behind
    if hour == 24 and (minute or second or fraction > 0.0):
        return False
    m.has_jd = 0
    m.raw = 0
    m.has_time = 1
    m.hour = hour
    m.minute = minute
    m.second = f64(second) + fraction
    return read_zone(m, p, n, at)


def read_date(m: Moment, p: ptr[u8], n: i32) -> bool:
    """Read YYYY-MM-DD, or -YYYY-MM-DD, with an optional time behind spaces or Ts. True if the text is one."""
    at: i32 = i32(has(p, n, 0, 45))
    negative: bool = at != 0
    year: i32 = four_digits(p, n, at)
    month: i32 = two_digits(p, n, at + 5, 12)
    day: i32 = two_digits(p, n, at + 8, 31)
    if year < 0 or month < 1 or day < 1 or not has(p, n, at + 4, 45) or not has(p, n, at + 7, 45):
        return False
    at += 10
    while at < n and (is_space(p[at]) or p[at] == 84):
        at += 1
    if not read_time(m, p, n, at):
        if at < n:
            return False
        m.has_time = 0
    m.has_jd = 0
    m.has_date = 1
    m.year = 0 - year if negative else year
    m.month = month
    m.day = day
    note_overflow(m)
    if m.zone:
        compute_jd(m)
    return True


def settle(m: Moment) -> None:
    """Make 24:00 the next day's 00:00."""
    if m.has_time and m.hour == 24:
        compute_jd(m)
        forget_fields(m)


def set_number(m: Moment, v: f64) -> None:
    """A time value that is a number: a Julian day, unless a modifier says otherwise."""
    m.second = v
    m.raw = 1
    if v >= 0.0 and v < RAW_DAY_LIMIT:
        m.jd = i64(v * 86400000.0 + 0.5)
        m.has_jd = 1
