"""What the built-in types store: numbers without their point, addresses as they are usually written."""

from turso_wasm.library.ipaddr import ipfamily, iphost, ipmasklen, ipnetwork

_HEX = "0123456789abcdef"


def _digits(text: str, scale: int) -> list[int]:
    """[1 if negative, 1 if digits were left behind, the digits up to `scale` places behind the point]; [] for no
    number.
    """
    none: list[int] = []
    text = text.strip().lower()
    negative = text.startswith("-")
    at = 1 if negative or text.startswith("+") else 0
    mantissa, exponent = text[at:], 0
    split = mantissa.find("e")
    if split >= 0:
        tail = mantissa[split + 1 :]
        sign = tail[:1]
        plain = tail[1:] if sign == "-" or sign == "+" else tail
        if len(plain) == 0 or len(plain) > 3 or not plain.isdigit():
            return none
        exponent = -int(plain) if tail.startswith("-") else int(plain)
        mantissa = mantissa[:split]
    digits: list[int] = []
    point = -1
    for char in mantissa:
        if char == "." and point < 0:
            point = len(digits)
        elif "0" <= char <= "9":
            digits.append(ord(char) - 48)
        else:
            return none
    if len(digits) == 0:
        return none
    wanted = (point if point >= 0 else len(digits)) + exponent + scale
    out = [1 if negative else 0, 0]
    for place in range(wanted):
        out.append(digits[place] if place < len(digits) else 0)
    for place in range(max(wanted, 0), len(digits)):
        if digits[place] != 0:
            out[1] = 1
    if wanted >= 0 and wanted < len(digits) and digits[wanted] >= 5:
        out[1] += 2  # half or more is left behind
    return out


def _whole(digits: list[int]) -> int | None:
    """The number that the digits behind the first two are; None: it is longer than 18 digits."""
    value = 0
    for at in range(2, len(digits)):
        if value >= 10**17 * 10:
            return None
        value = value * 10 + digits[at]
    return value


def numeric_scaled(text: str, precision: int, scale: int) -> int | None:
    """A number times 10 to the power of `scale`, rounded half away from zero; None for what is none."""
    if precision < 1 or precision > 18 or scale < 0 or scale > precision:
        raise ValueError("numeric takes a precision from 1 to 18 and a scale up to it")
    digits = _digits(text, scale)
    if len(digits) == 0:
        return None
    value = _whole(digits)
    if value is None or value + (digits[1] >= 2) >= 10**precision:
        raise ValueError("numeric field overflow")
    value += digits[1] >= 2
    return -value if digits[0] == 1 else value


def numeric_shown(value: int, scale: int) -> str:
    """The number that a stored one stands for, with `scale` digits behind the point."""
    text = str(abs(value))
    while len(text) <= scale:
        text = "0" + text
    shown = text[: len(text) - scale] + "." + text[len(text) - scale :] if scale > 0 else text
    return "-" + shown if value < 0 else shown


def numeric_exact(text: str, scale: int) -> int | None:
    """A number times 10 to the power of `scale`, if that is an integer."""
    digits = _digits(text, scale)
    if len(digits) == 0 or digits[1] != 0:
        return None
    value = _whole(digits)
    return value if value is None or digits[0] == 0 else -value


def numeric_compared(text: str, scale: int) -> float | None:
    """What compares with stored numbers as a number does that is none of them; None for what is no number."""
    digits = _digits(text, scale)
    if len(digits) == 0:
        return None
    value = _whole(digits)
    whole = 9.9e18 if value is None else float(value)
    if digits[1] != 0:
        whole += 0.5
    return -whole if digits[0] == 1 else whole


def inet_text(address: str) -> str | None:
    """An address as it is given, if it is one."""
    return address.strip().lower() if ipfamily(address.strip()) is not None else None


def cidr_text(address: str) -> str | None:
    """A network with its length; None for what is none, or has bits behind the length."""
    address = address.strip()
    network = ipnetwork(address)
    host = iphost(address)
    if network is None or host is None:
        return None
    length = ipmasklen(address)
    if length is None:
        return None
    plain = ipnetwork(host + ("/32" if ipfamily(address) == 4 else "/128"))
    start = iphost(network)
    if plain is None or start is None or iphost(plain) != start:
        return None
    return network


def macaddr_text(address: str, size: int) -> str | None:
    """The bytes of a hardware address with colons between them; 6 bytes become 8 as EUI-64 says. None for others."""
    digits = ""
    for char in address.strip().lower():
        if char in _HEX:
            digits += char
        elif char not in ":-.":
            return None
    if size == 8 and len(digits) == 12:
        digits = digits[:6] + "fffe" + digits[6:]
    if len(digits) != 2 * size:
        return None
    out = ""
    for at in range(size):
        out += (":" if at > 0 else "") + digits[2 * at : 2 * at + 2]
    return out
