"""Points in time to the nanosecond, as blobs of 13 bytes: a version, seconds since the year 1, nanoseconds.

Bytes 0: version 1; 1 to 8: seconds since 0001-01-01 00:00 UTC, signed; 9 to 12: nanoseconds, 0 to 999,999,999; all of
them big-endian, so that blobs of times after the year 1 sort as the times do. Durations are integers, nanoseconds.

Source: the calendar is the Gregorian one, also before 1582; ISO 8601 for weeks.
"""

_SECOND = 1_000_000_000
_DAY = 86400
_EPOCH = 62135596800  # 1970, in seconds since the year 1
_UNITS = ("milli", "millisecond", "micro", "microsecond", "nano", "nanosecond")
_SIZES = (1_000_000, 1_000_000, 1000, 1000, 1, 1)


# --- blobs ------------------------------------------------------------------------------------------------------------


def made(seconds: int, nano: int) -> bytes:
    """The blob of a time; any number of nanoseconds."""
    seconds += nano // _SECOND
    nano = nano % _SECOND
    out = [1]
    for shift in range(56, -1, -8):
        out.append(seconds >> shift & 255)
    for shift in range(24, -1, -8):
        out.append(nano >> shift & 255)
    return bytes(out)


def seconds_of(time: bytes) -> int:
    """Seconds since the year 1. Raises for what is no time."""
    if len(time) != 13 or time[0] != 1:
        raise ValueError("invalid time blob")
    value = time[1] - 256 if time[1] > 127 else time[1]
    for byte in time[2:9]:
        value = value * 256 + byte
    return value


def nano_of(time: bytes) -> int:
    """The nanoseconds of the second. Raises for what is no time."""
    if len(time) != 13 or time[0] != 1:
        raise ValueError("invalid time blob")
    return time[9] << 24 | time[10] << 16 | time[11] << 8 | time[12]


# --- the calendar -----------------------------------------------------------------------------------------------------


def days_to(year: int, month: int, day: int) -> int:
    """Days from 0001-01-01 to a date; months and days beyond their ends count on."""
    year += (month - 1) // 12
    month = (month - 1) % 12
    if month < 2:
        year, month = year - 1, month + 12
    return year * 365 + year // 4 - year // 100 + year // 400 + ((month - 2) * 153 + 2) // 5 + day - 307


def date_of(days: int) -> list[int]:
    """Year, month and day of a number of days since 0001-01-01."""
    shifted = days + 306
    cycle = shifted // 146097
    rest = shifted % 146097
    years = (rest - rest // 1460 + rest // 36524 - rest // 146096) // 365
    of_year = rest - (365 * years + years // 4 - years // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    year = years + cycle * 400 + (month >= 10)
    return [year, month + 3 if month < 10 else month - 9, day]


def month_days(year: int, month: int) -> int:
    """How many days a month has."""
    return days_to(year, month + 1, 1) - days_to(year, month, 1)


# --- making -----------------------------------------------------------------------------------------------------------


def time_date(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, nano: int = 0, offset: int = 0
) -> bytes:
    """The time of a date and a clock that is `offset` seconds east of UTC; what is beyond its end counts on."""
    return made(days_to(year, month, day) * _DAY + hour * 3600 + minute * 60 + second - offset, nano)


def make_date(year: int, month: int, day: int) -> bytes:
    """Midnight of a date."""
    return time_date(year, month, day)


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second: int) -> bytes:
    """The time of a date and a clock."""
    return time_date(year, month, day, hour, minute, second)


def time_now(now: float) -> bytes:
    """The time of the statement, to the millisecond."""
    return time_milli(round(now * 1000.0))


def time_unix(seconds: int, nano: int = 0) -> bytes:
    """The time of a number of seconds since 1970."""
    return made(seconds + _EPOCH, nano)


def time_milli(count: int) -> bytes:
    """The time of a number of milliseconds since 1970."""
    return made(count // 1000 + _EPOCH, count % 1000 * 1_000_000)


def time_micro(count: int) -> bytes:
    """The time of a number of microseconds since 1970."""
    return made(count // 1_000_000 + _EPOCH, count % 1_000_000 * 1000)


def time_nano(count: int) -> bytes:
    """The time of a number of nanoseconds since 1970."""
    return made(count // _SECOND + _EPOCH, count % _SECOND)


# --- numbers of a time ------------------------------------------------------------------------------------------------


def time_to_unix(time: bytes) -> int:
    """Seconds since 1970."""
    return seconds_of(time) - _EPOCH


def time_to_milli(time: bytes) -> int:
    """Milliseconds since 1970."""
    return (seconds_of(time) - _EPOCH) * 1000 + nano_of(time) // 1_000_000


def time_to_micro(time: bytes) -> int:
    """Microseconds since 1970."""
    return (seconds_of(time) - _EPOCH) * 1_000_000 + nano_of(time) // 1000


def time_to_nano(time: bytes) -> int:
    """Nanoseconds since 1970."""
    return (seconds_of(time) - _EPOCH) * _SECOND + nano_of(time)


def time_get_year(time: bytes) -> int:
    """The year."""
    return date_of(seconds_of(time) // _DAY)[0]


def time_get_month(time: bytes) -> int:
    """The month, from 1."""
    return date_of(seconds_of(time) // _DAY)[1]


def time_get_day(time: bytes) -> int:
    """The day of the month, from 1."""
    return date_of(seconds_of(time) // _DAY)[2]


def time_get_hour(time: bytes) -> int:
    """The hour, 0 to 23."""
    return seconds_of(time) % _DAY // 3600


def time_get_minute(time: bytes) -> int:
    """The minute, 0 to 59."""
    return seconds_of(time) % 3600 // 60


def time_get_second(time: bytes) -> int:
    """The second, 0 to 59."""
    return seconds_of(time) % 60


def time_get_nano(time: bytes) -> int:
    """The nanoseconds of the second."""
    return nano_of(time)


def time_get_weekday(time: bytes) -> int:
    """The day of the week, Sunday 0."""
    return (seconds_of(time) // _DAY + 1) % 7


def time_get_yearday(time: bytes) -> int:
    """The day of the year, from 1."""
    days = seconds_of(time) // _DAY
    return days - days_to(date_of(days)[0], 1, 1) + 1


def time_get_isoyear(time: bytes) -> int:
    """The year of the ISO week: that of its Thursday."""
    days = seconds_of(time) // _DAY
    return date_of(days - days % 7 + 3)[0]


def time_get_isoweek(time: bytes) -> int:
    """The ISO week, from 1."""
    days = seconds_of(time) // _DAY
    thursday = days - days % 7 + 3
    return (thursday - days_to(date_of(thursday)[0], 1, 1)) // 7 + 1


def _with_fraction(seconds: int, nano: int) -> str:
    """A number of seconds as a decimal."""
    if nano == 0:
        return str(seconds)
    if seconds < 0:
        seconds, nano = seconds + 1, _SECOND - nano
        if seconds == 0:
            return "-0." + str(_SECOND + nano)[1:]
    return str(seconds) + "." + str(_SECOND + nano)[1:]


def time_get(time: bytes, field: str) -> str:
    """A field of a time: millennium, century, decade, year, quarter, month, day, hour, minute, second (with its
    fraction), milli, micro, nano, isoyear, isoweek, isodow (Monday 1), yearday, weekday (Sunday 0), epoch.
    """
    year = time_get_year(time)
    if field == "epoch":
        return _with_fraction(time_to_unix(time), nano_of(time))
    if field == "second":
        return _with_fraction(time_get_second(time), nano_of(time))
    for at in range(len(_UNITS)):
        if field == _UNITS[at]:
            return str(nano_of(time) // _SIZES[at])
    if field == "year":
        return str(year)
    if field == "month":
        return str(time_get_month(time))
    if field == "day":
        return str(time_get_day(time))
    if field == "hour":
        return str(time_get_hour(time))
    if field == "minute":
        return str(time_get_minute(time))
    if field == "weekday":
        return str(time_get_weekday(time))
    if field == "yearday":
        return str(time_get_yearday(time))
    if field == "isoyear":
        return str(time_get_isoyear(time))
    if field == "isoweek":
        return str(time_get_isoweek(time))
    if field == "isodow":
        return str((time_get_weekday(time) + 6) % 7 + 1)
    if field == "quarter":
        return str((time_get_month(time) + 2) // 3)
    if field == "decade":
        return str(year // 10)
    if field == "century":
        return str(year // 100)
    if field == "millennium":
        return str(year // 1000)
    raise ValueError("unknown field of a time")


# --- comparing and moving ---------------------------------------------------------------------------------------------


def time_compare(a: bytes, b: bytes) -> int:
    """-1 when `a` is the earlier one, 1 when `b` is, 0 when they are equal."""
    first, second = seconds_of(a), seconds_of(b)
    if first == second:
        first, second = nano_of(a), nano_of(b)
    return (first > second) - (first < second)


def time_after(a: bytes, b: bytes) -> bool:
    """Whether `a` is later than `b`."""
    return time_compare(a, b) > 0


def time_before(a: bytes, b: bytes) -> bool:
    """Whether `a` is earlier than `b`."""
    return time_compare(a, b) < 0


def time_equal(a: bytes, b: bytes) -> bool:
    """Whether two times are equal."""
    return time_compare(a, b) == 0


def time_add(time: bytes, duration: int) -> bytes:
    """The time so many nanoseconds later."""
    return made(seconds_of(time) + duration // _SECOND, nano_of(time) + duration % _SECOND)


def time_add_date(time: bytes, years: int, months: int = 0, days: int = 0) -> bytes:
    """The time so many years, months, then days later; the last day of a month that has no such day."""
    seconds = seconds_of(time)
    date = date_of(seconds // _DAY)
    first = date_of(days_to(date[0] + years, date[1] + months, 1))
    day = min(date[2], month_days(first[0], first[1]))
    return made((days_to(first[0], first[1], day) + days) * _DAY + seconds % _DAY, nano_of(time))


def time_sub(a: bytes, b: bytes) -> int:
    """The nanoseconds from `b` to `a`; the nearest integer of 64 bits there is."""
    seconds = seconds_of(a) - seconds_of(b)
    if seconds > 9223372035:
        return 9223372036854775807
    if seconds < -9223372035:
        return -9223372036854775807 - 1
    return seconds * _SECOND + nano_of(a) - nano_of(b)


def time_since(now: float, time: bytes) -> int:
    """The nanoseconds from a time to now."""
    return time_sub(time_now(now), time)


def time_until(now: float, time: bytes) -> int:
    """The nanoseconds from now to a time."""
    return time_sub(time, time_now(now))


def _duration(text: str) -> int:
    """A duration that is more than 0, written in digits; 0 for what is none."""
    return int(text) if text != "" and text.isdigit() else 0


def time_trunc(time: bytes, unit: str) -> bytes:
    """The time at which its millennium, century, decade, year, quarter, month, week, day, hour, minute, second, milli
    or micro began; or, for a number of nanoseconds, the last multiple of it since 1970.
    """
    duration = _duration(unit)
    if duration > 0:
        return time_add(time, -(time_to_nano(time) % duration))
    seconds, nano = seconds_of(time), nano_of(time)
    days = seconds // _DAY
    date = date_of(days)
    if unit == "millennium":
        return made(days_to(date[0] // 1000 * 1000, 1, 1) * _DAY, 0)
    if unit == "century":
        return made(days_to(date[0] // 100 * 100, 1, 1) * _DAY, 0)
    if unit == "decade":
        return made(days_to(date[0] // 10 * 10, 1, 1) * _DAY, 0)
    if unit == "year":
        return made(days_to(date[0], 1, 1) * _DAY, 0)
    if unit == "quarter":
        return made(days_to(date[0], (date[1] - 1) // 3 * 3 + 1, 1) * _DAY, 0)
    if unit == "month":
        return made(days_to(date[0], date[1], 1) * _DAY, 0)
    if unit == "week":
        return made((days - days % 7) * _DAY, 0)
    if unit == "day":
        return made(days * _DAY, 0)
    if unit == "hour":
        return made(seconds - seconds % 3600, 0)
    if unit == "minute":
        return made(seconds - seconds % 60, 0)
    if unit == "second":
        return made(seconds, 0)
    for at in range(4):
        if unit == _UNITS[at]:
            return made(seconds, nano - nano % _SIZES[at])
    raise ValueError("unknown unit to truncate a time to")


def time_round(time: bytes, duration: int) -> bytes:
    """The nearest multiple of a duration since 1970, of two the later one."""
    if duration <= 0:
        raise ValueError("a time is rounded to a duration above 0")
    over = time_to_nano(time) % duration
    return time_add(time, duration - over if over >= duration - over else -over)


def dur_ns() -> int:
    """A nanosecond."""
    return 1


def dur_us() -> int:
    """The nanoseconds of a microsecond."""
    return 1000


def dur_ms() -> int:
    """The nanoseconds of a millisecond."""
    return 1_000_000


def dur_s() -> int:
    """The nanoseconds of a second."""
    return _SECOND


def dur_m() -> int:
    """The nanoseconds of a minute."""
    return 60 * _SECOND


def dur_h() -> int:
    """The nanoseconds of an hour."""
    return 3600 * _SECOND
