"""Points in time as texts, and texts as points in time.

Source: RFC 3339, ISO 8601
"""

from turso_wasm.library.moments import date_of, days_to, made, month_days, nano_of, seconds_of

_DAY = 86400


def _digits(value: int, width: int) -> str:
    text = str(value)
    return "0" * (width - len(text)) + text


def _date(seconds: int) -> str:
    date = date_of(seconds // _DAY)
    year = "-" + _digits(-date[0], 4) if date[0] < 0 else _digits(date[0], 4)
    if date[0] > 9999:
        year = "+" + year
    return f"{year}-{_digits(date[1], 2)}-{_digits(date[2], 2)}"


def _clock(seconds: int) -> str:
    of_day = seconds % _DAY
    return f"{_digits(of_day // 3600, 2)}:{_digits(of_day % 3600 // 60, 2)}:{_digits(of_day % 60, 2)}"


def _moved(time: bytes, offset: int) -> int:
    """The seconds of a clock `offset` seconds east of UTC."""
    if offset <= -_DAY or offset >= _DAY:
        raise ValueError("an offset from UTC is less than a day")
    return seconds_of(time) + offset


def time_fmt_iso(time: bytes, offset: int = 0) -> str:
    """YYYY-MM-DDThh:mm:ss, a fraction of nine digits where there is one, and Z or the offset."""
    seconds = _moved(time, offset)
    nano = nano_of(time)
    text = f"{_date(seconds)}T{_clock(seconds)}" + ("" if nano == 0 else "." + _digits(nano, 9))
    if offset == 0:
        return text + "Z"
    minutes = (abs(offset) + 30) // 60
    return text + ("-" if offset < 0 else "+") + f"{_digits(minutes // 60, 2)}:{_digits(minutes % 60, 2)}"


def time_fmt_datetime(time: bytes, offset: int = 0) -> str:
    """YYYY-MM-DD hh:mm:ss of a clock `offset` seconds east of UTC."""
    seconds = _moved(time, offset)
    return f"{_date(seconds)} {_clock(seconds)}"


def time_fmt_date(time: bytes, offset: int = 0) -> str:
    """YYYY-MM-DD."""
    return _date(_moved(time, offset))


def time_fmt_time(time: bytes, offset: int = 0) -> str:
    """hh:mm:ss."""
    return _clock(_moved(time, offset))


def _number(text: str, first: int, width: int, most: int) -> int:
    """The number that these digits are, up to `most`. Raises for others."""
    part = text[first : first + width]
    if len(part) != width or not part.isdigit():
        raise ValueError("malformed time")
    value = int(part)
    if value > most:
        raise ValueError("malformed time")
    return value


def _expect(text: str, pattern: str) -> int:
    """Its length. Raises where a character of the text is not the pattern's, but for 0."""
    if len(text) < len(pattern):
        raise ValueError("malformed time")
    for at in range(len(pattern)):
        if pattern[at] != "0" and text[at] != pattern[at]:
            raise ValueError("malformed time")
    return len(pattern)


def _clock_of(text: str) -> int:
    """The seconds of hh:mm:ss, with which the text begins."""
    end = _expect(text, "00:00:00")
    return _number(text, 0, 2, 23) * 3600 + _number(text, 3, 2, 59) * 60 + _number(text, end - 2, 2, 59)


def _date_of(text: str) -> int:
    """The seconds of YYYY-MM-DD, with which the text begins."""
    end = _expect(text, "0000-00-00")
    year, month, day = _number(text, 0, 4, 9999), _number(text, 5, 2, 12), _number(text, end - 2, 2, 31)
    if month == 0 or day == 0 or day > month_days(year, month):
        raise ValueError("malformed time")
    return days_to(year, month, day) * _DAY


def _fraction(text: str) -> int:
    """The nanoseconds of a fraction's digits."""
    digits = (text + "000000000")[:9]
    return _number(digits, 0, 9, 999_999_999)


def _offset(text: str) -> int:
    """The seconds that Z, +hh:mm or -hh:mm lies east of UTC."""
    if text == "Z":
        return 0
    sign = text[:1]
    if len(text) != 6 or (sign != "+" and sign != "-"):
        raise ValueError("malformed time")
    end = _expect(text, sign + "00:00")
    value = _number(text, 1, 2, 23) * 3600 + _number(text, end - 2, 2, 59) * 60
    return -value if sign == "-" else value


def time_parse(text: str) -> bytes:
    """The time of YYYY-MM-DD, hh:mm:ss (in the year 1), YYYY-MM-DD hh:mm:ss or YYYY-MM-DDThh:mm:ss[.fraction] and Z or
    an offset. Raises for other texts.
    """
    if len(text) == 8:
        return made(_clock_of(text), 0)
    seconds = _date_of(text)
    if len(text) == 10:
        return made(seconds, 0)
    seconds += _clock_of(text[11:])
    if text[10] == " " and len(text) == 19:
        return made(seconds, 0)
    if text[10] != "T":
        raise ValueError("malformed time")
    zone = 19
    nano = 0
    if text[19:20] == ".":
        zone = 20
        while zone < len(text) and "0" <= text[zone] <= "9":
            zone += 1
        if zone == 20:
            raise ValueError("malformed time")
        nano = _fraction(text[20:zone])
    return made(seconds - _offset(text[zone:]), nano)
