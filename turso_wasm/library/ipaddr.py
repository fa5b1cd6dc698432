"""Internet addresses, with or without the length of a network's prefix: `192.168.16.12/24`, `2001:db8::1/32`.

Source: RFC 4291, RFC 4632, RFC 5952
"""


def _parts4(host: str) -> list[int]:
    """The four bytes of an address of version 4; nothing if it is none."""
    parts: list[int] = []
    value = -1
    for char in host + ".":
        if char == ".":
            if value < 0 or value > 255:
                return [0] * 0
            parts.append(value)
            value = -1
        elif char in "0123456789" and value != 0:
            value = ord(char) - 48 if value < 0 else value * 10 + ord(char) - 48
            if value > 255:
                return [0] * 0
        else:
            return [0] * 0
    return parts if len(parts) == 4 else [0] * 0


def _digit(char: str) -> int:
    """The value of a hexadecimal digit, or -1."""
    return "0123456789abcdef".find(char.lower())


def _groups(host: str) -> list[int]:
    """The 16-bit groups before and behind a `::`, which is -1 among them; nothing if they are no address."""
    groups: list[int] = []
    bad = [0] * 0
    at = 0
    if host.startswith("::"):
        groups.append(-1)
        at = 2
    while at < len(host):
        end = at
        while end < len(host) and host[end] != ":":
            end += 1
        part = host[at:end]
        if part.find(".") >= 0:
            four = _parts4(part)
            if len(four) == 0 or end < len(host):
                return bad
            groups.append(four[0] * 256 + four[1])
            groups.append(four[2] * 256 + four[3])
            return groups
        if part == "" or len(part) > 4:
            return bad
        value = 0
        for char in part:
            if _digit(char) < 0:
                return bad
            value = value * 16 + _digit(char)
        groups.append(value)
        if end + 1 == len(host):
            return bad
        at = end + 1
        if at < len(host) and host[at] == ":":
            groups.append(-1)
            at += 1
    return groups


def _parts6(host: str) -> list[int]:
    """The sixteen bytes of an address of version 6; nothing if it is none."""
    groups = _groups(host)
    gaps = 0
    for group in groups:
        gaps += group < 0
    if gaps > 1 or len(groups) == 0 or (gaps == 0 and len(groups) != 8) or (gaps == 1 and len(groups) > 8):
        return [0] * 0
    parts: list[int] = []
    for group in groups:
        if group >= 0:
            parts.append(group // 256)
            parts.append(group % 256)
        else:
            for _ in range(2 * (9 - len(groups))):
                parts.append(0)
    return parts


def _host(address: str) -> str:
    """What stands before the slash."""
    slash = address.find("/")
    return address if slash < 0 else address[:slash]


def _parts(address: str) -> list[int]:
    """The bytes of the host, 4 or 16; nothing if it is none."""
    host = _host(address)
    return _parts6(host) if ":" in host else _parts4(host)


def _mask(address: str, bits: int) -> int:
    """The length of the prefix, at most `bits`, which it is without one; -1 if it is none."""
    slash = address.find("/")
    if slash < 0:
        return bits
    text = address[slash + 1 :]
    if text == "" or len(text) > 3 or not text.isdigit() or int(text) > bits:
        return -1
    return int(text)


def _is_address(address: str) -> bool:
    parts = _parts(address)
    return len(parts) > 0 and _mask(address, 8 * len(parts)) >= 0


def ipfamily(address: str) -> int | None:
    """4 or 6; None for what is no address."""
    if not _is_address(address):
        return None
    return 4 if len(_parts(address)) == 4 else 6


def iphost(address: str) -> str | None:
    """The address without its prefix; None for what is no address."""
    return _host(address) if _is_address(address) else None


def ipmasklen(address: str) -> int | None:
    """The length of the prefix; None for what is no address."""
    return _mask(address, 8 * len(_parts(address))) if _is_address(address) else None


def _masked(parts: list[int], length: int) -> list[int]:
    """The bytes with only the first bits left."""
    out: list[int] = []
    for part in parts:
        kept = min(max(length, 0), 8)
        out.append(part - part % (1 << (8 - kept)))
        length -= 8
    return out


def _hex(value: int) -> str:
    digits = ""
    while value > 0:
        digits = "0123456789abcdef"[value % 16] + digits
        value = value // 16
    return digits or "0"


def _shown6(parts: list[int]) -> str:
    """The text of an address of version 6: its longest run of zeros is left out (RFC 5952)."""
    best = -1
    most = 1
    for first in range(8):
        run = 0
        while first + run < 8 and parts[2 * (first + run)] == 0 and parts[2 * (first + run) + 1] == 0:
            run += 1
        if run > most:
            best, most = first, run
    out = ""
    at = 0
    while at < 8:
        if at == best:
            out += "::"
            at += most
        else:
            if out != "" and not out.endswith("::"):
                out += ":"
            out += _hex(parts[2 * at] * 256 + parts[2 * at + 1])
            at += 1
    return out


def ipnetwork(address: str) -> str | None:
    """The network an address is in, with the length of its prefix; None for what is no address."""
    if not _is_address(address):
        return None
    parts = _parts(address)
    length = _mask(address, 8 * len(parts))
    network = _masked(parts, length)
    if len(network) == 16:
        return f"{_shown6(network)}/{length}"
    return f"{network[0]}.{network[1]}.{network[2]}.{network[3]}/{length}"


def ipcontains(network: str, address: str) -> bool | None:
    """Whether an address, or all of a network, lies in a network; None for what is no address."""
    if not _is_address(network) or not _is_address(address):
        return None
    outer, inner = _parts(network), _parts(address)
    length = _mask(network, 8 * len(outer))
    if len(outer) != len(inner) or _mask(address, 8 * len(inner)) < length:
        return False
    a, b = _masked(outer, length), _masked(inner, length)
    for at in range(len(a)):
        if a[at] != b[at]:
            return False
    return True


def validate_ipaddr(address: str) -> str:
    """The address. Raises for what is none."""
    if not _is_address(address):
        raise ValueError("invalid IP address")
    return address
