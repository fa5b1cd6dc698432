"""Decimal numbers of any size, written as texts or packed in blobs.

In a blob: a version (1), the sign (1: negative), eight bytes of how many digits stand behind the point, four of how
many words follow, and the words of 32 bits of the number without its point; all of them little-endian, the lowest word
first. A number that is computed with is a list: its sign (0 or 1), its scale, then its digits, the lowest first.
"""

_QUOTIENT_DIGITS = 100
_DIGITS_MAX = 20000
_WORD = 0x100000000


def _trimmed(number: list[int]) -> list[int]:
    """Without zeros before the first digit; zero is positive."""
    end = len(number)
    while end > 3 and number[end - 1] == 0:
        end -= 1
    out: list[int] = []
    for at in range(end):
        out.append(number[at])
    if end == 3 and out[2] == 0:
        out[0] = 0
    return out


def _of_text(text: str) -> list[int]:
    """The number of [sign] digits [. digits] [e exponent]. Raises for others."""
    text = text.strip()
    negative = text.startswith("-")
    at = 1 if negative or text.startswith("+") else 0
    digits: list[int] = []
    scale, point = 0, -1
    while at < len(text) and ("0" <= text[at] <= "9" or (text[at] == "." and point < 0)):
        if text[at] == ".":
            point = at
        else:
            digits.append(ord(text[at]) - 48)
            scale += point >= 0
        at += 1
    if len(digits) == 0:
        raise ValueError("invalid input for type numeric")
    if at < len(text):
        exponent = text[at + 1 :]
        sign = exponent[:1]
        plain = exponent[1:] if sign == "-" or sign == "+" else exponent
        if (text[at] != "e" and text[at] != "E") or plain == "" or len(plain) > 5 or not plain.isdigit():
            raise ValueError("invalid input for type numeric")
        scale += int(plain) if sign == "-" else -int(plain)
    if scale < 0 or scale > _DIGITS_MAX or len(digits) > _DIGITS_MAX:
        zeros = -scale
        if zeros > _DIGITS_MAX or scale > _DIGITS_MAX or len(digits) > _DIGITS_MAX:
            raise ValueError("numeric value out of range")
        for _ in range(zeros):
            digits.append(0)
        scale = 0
    out = [1 if negative else 0, scale]
    for place in range(len(digits) - 1, -1, -1):
        out.append(digits[place])
    return _trimmed(out)


def _of_blob(data: bytes) -> list[int]:
    """The number in a blob. Raises for others."""
    if len(data) < 14 or data[0] != 1 or data[1] > 1:
        raise ValueError("invalid numeric blob")
    scale, n = 0, 0
    for at in range(7, -1, -1):
        scale = scale * 256 + data[2 + at] if scale < _WORD else _WORD
    for at in range(3, -1, -1):
        n = n * 256 + data[10 + at]
    if len(data) != 14 + 4 * n or scale > _DIGITS_MAX or n > 2000:
        raise ValueError("invalid numeric blob")
    out = [data[1], scale, 0]
    for word in range(n - 1, -1, -1):
        first = 14 + 4 * word
        carry = data[first] | data[first + 1] << 8 | data[first + 2] << 16 | data[first + 3] << 24
        for at in range(2, len(out)):
            carry += out[at] * _WORD
            out[at] = carry % 10
            carry = carry // 10
        while carry > 0:
            out.append(carry % 10)
            carry = carry // 10
    return _trimmed(out)


def _number(value: bytes) -> list[int]:
    """The number that a blob holds, or that a text writes."""
    if len(value) >= 14 and value[0] == 1:
        return _of_blob(value)
    text = ""
    for byte in value:
        text += chr(byte)
    return _of_text(text)


def _text(number: list[int]) -> str:
    """The number as text, with as many digits behind the point as its scale says."""
    out = ""
    for at in range(2, max(len(number), number[1] + 3)):
        if at - 2 == number[1] and at > 2:
            out = "." + out
        out = chr(48 + (number[at] if at < len(number) else 0)) + out
    return "-" + out if number[0] == 1 else out


def _scaled(number: list[int], scale: int) -> list[int]:
    """The number with another scale: with zeros behind it, or cut off."""
    out = [number[0], scale]
    for _ in range(scale - number[1]):
        out.append(0)
    for at in range(2 + max(number[1] - scale, 0), len(number)):
        out.append(number[at])
    if len(out) == 2:
        out.append(0)
    return _trimmed(out)


def _compare(a: list[int], b: list[int]) -> int:
    """Of the digits of two numbers of one scale: -1, 0 or 1."""
    if len(a) != len(b):
        return -1 if len(a) < len(b) else 1
    for at in range(len(a) - 1, 1, -1):
        if a[at] != b[at]:
            return -1 if a[at] < b[at] else 1
    return 0


def _sum(a: list[int], b: list[int], sign: int) -> list[int]:
    """The sum of two numbers, or their difference for a sign of -1."""
    scale = max(a[1], b[1])
    a, b = _scaled(a, scale), _scaled(b, scale)
    of_b = b[0] if sign > 0 else 1 - b[0]
    same = a[0] == of_b
    negative = a[0]
    if not same and _compare(a, b) < 0:
        a, b, negative = b, a, of_b
    out = [negative, scale]
    carry = 0
    for at in range(2, max(len(a), len(b)) + 1):
        carry += a[at] if at < len(a) else 0
        other = b[at] if at < len(b) else 0
        carry += other if same else -other
        out.append(carry % 10)
        carry = carry // 10
    return _trimmed(out)


def numeric_add(a: bytes, b: bytes) -> str:
    """The sum of two decimals."""
    return _text(_sum(_number(a), _number(b), 1))


def numeric_sub(a: bytes, b: bytes) -> str:
    """The difference of two decimals."""
    return _text(_sum(_number(a), _number(b), -1))


def numeric_mul(a: bytes, b: bytes) -> str:
    """The product of two decimals, with all of its digits."""
    first, second = _number(a), _number(b)
    out = [first[0] ^ second[0], first[1] + second[1]]
    for _ in range(len(first) + len(second) - 3):
        out.append(0)
    for i in range(2, len(first)):
        carry = 0
        for j in range(2, len(second)):
            carry += out[i + j - 2] + first[i] * second[j]
            out[i + j - 2] = carry % 10
            carry = carry // 10
        out[i + len(second) - 2] = carry
    return _text(_trimmed(out))


def numeric_div(a: bytes, b: bytes) -> str:
    """The quotient of two decimals, rounded to 100 digits from the first that is not 0 on."""
    first, second = _number(a), _number(b)
    if len(second) == 3 and second[2] == 0:
        raise ValueError("division by zero")
    if len(first) == 3 and first[2] == 0:
        return "0"
    scale = max(_QUOTIENT_DIGITS + 1 - (len(first) - first[1]) + (len(second) - second[1]), 0)
    digits = _scaled(first, max(first[1], scale + second[1]))
    scale = digits[1] - second[1]
    divisor = [0, 0]
    for at in range(2, len(second)):
        divisor.append(second[at])
    rest = [0, 0, 0]
    out = [0] * len(digits)
    out[0] = first[0] ^ second[0]
    out[1] = scale
    for at in range(len(digits) - 1, 1, -1):
        moved = [0, 0, digits[at]]
        for place in range(2, len(rest)):
            moved.append(rest[place])
        rest = _trimmed(moved)
        while _compare(rest, divisor) >= 0:
            rest = _sum(rest, divisor, -1)
            out[at] += 1
    quotient = _trimmed(out)
    return _text(_plain(quotient) if len(rest) == 3 and rest[2] == 0 else _rounded(quotient))


def _rounded(number: list[int]) -> list[int]:
    """To 100 digits, half of one away from zero."""
    surplus = len(number) - 2 - _QUOTIENT_DIGITS
    if surplus <= 0 or number[1] < surplus:
        return number
    up = number[1 + surplus] >= 5
    out = _scaled(number, number[1] - surplus)
    if up:
        return _sum(out, [out[0], out[1], 1], 1)
    return out


def _plain(number: list[int]) -> list[int]:
    """Without zeros at its end, behind the point."""
    zeros = 0
    while zeros < number[1] and zeros + 2 < len(number) and number[zeros + 2] == 0:
        zeros += 1
    return _scaled(number, number[1] - zeros)


def _order(a: bytes, b: bytes) -> int:
    difference = _sum(_number(a), _number(b), -1)
    if len(difference) == 3 and difference[2] == 0:
        return 0
    return -1 if difference[0] == 1 else 1


def numeric_eq(a: bytes, b: bytes) -> bool:
    """Whether two decimals are equal, whatever their zeros."""
    return _order(a, b) == 0


def numeric_lt(a: bytes, b: bytes) -> bool:
    """Whether the first decimal is the lesser one."""
    return _order(a, b) < 0


def numeric_encode(text: str, precision: int, scale: int) -> bytes:
    """The blob of a decimal of up to `precision` digits, `scale` of them behind the point; further ones are cut off."""
    if scale < 0 or scale > precision or precision < 1 or precision > 1000:
        raise ValueError("the precision of a numeric is 1 to 1000, its scale 0 to the precision")
    number = _scaled(_of_text(text), scale)
    if len(number) - 2 > precision:
        raise ValueError("numeric value out of range")
    words: list[int] = []
    for at in range(len(number) - 1, 1, -1):
        carry = number[at]
        for place in range(len(words)):
            carry += words[place] * 10
            words[place] = carry % _WORD
            carry = carry // _WORD
        if carry > 0:
            words.append(carry)
    out = [1, number[0]]
    for shift in range(0, 64, 8):
        out.append(scale >> shift & 255)
    for shift in range(0, 32, 8):
        out.append(len(words) >> shift & 255)
    for word in words:
        for shift in range(0, 32, 8):
            out.append(word >> shift & 255)
    return bytes(out)


def numeric_decode(data: bytes) -> str:
    """The text of a decimal in a blob."""
    return _text(_of_blob(data))
