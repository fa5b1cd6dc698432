"""Arrays: read and written as `{1,2,"x y",NULL}`, stored as JSON text, `[1,2,"x y",null]`.

A list of items holds their JSON texts, of one array without those inside of it.
"""

_ESCAPES = "bfnrt"
_ESCAPED = "\b\f\n\r\t"
_HEX = "0123456789abcdef"


def _is_number(text: str) -> bool:
    """Whether a text is a number as JSON writes them."""
    at = 1 if text.startswith("-") else 0
    digits, point, exponent = 0, False, False
    first = text[at : at + 1]
    for char in text[at:]:
        if "0" <= char <= "9":
            digits += 1
        elif char == "." and digits > 0 and not point and not exponent:
            point, digits = True, 0
        elif (char == "e" or char == "E") and digits > 0 and not exponent:
            exponent, digits = True, 0
        elif (char == "+" or char == "-") and exponent and digits == 0:
            exponent = True
        else:
            return False
    leading = first == "0" and "0" <= text[at + 1 : at + 2] <= "9"
    return digits > 0 and not leading


def _quoted(text: str) -> str:
    """A text as JSON."""
    out = '"'
    for char in text:
        place = _ESCAPED.find(char)
        if char == '"' or char == "\\":
            out += "\\" + char
        elif place >= 0:
            out += "\\" + _ESCAPES[place]
        elif ord(char) < 32:
            out += "\\u00" + _HEX[ord(char) // 16] + _HEX[ord(char) % 16]
        else:
            out += char
    return out + '"'


def _plain(item: str) -> str:
    """The text that a JSON string says."""
    out = ""
    at = 1
    while at < len(item) - 1:
        char = item[at]
        at += 1
        if char == "\\":
            char = item[at]
            at += 1
            place = _ESCAPES.find(char)
            if char == "u":
                code = 0
                for digit in item[at : at + 4].lower():
                    code = code * 16 + max(_HEX.find(digit), 0)
                at += 4
                char = chr(code)
            elif place >= 0:
                char = _ESCAPED[place]
        out += char
    return out


def array_json(text: str) -> str:
    """The JSON of `{…}`: bare numbers are numbers, NULL is null, everything else a text. Raises for others."""
    out = ""
    depth, at = 0, 0
    text = text.strip()
    wanted = True  # an item or the end of an empty array may come
    empty = False
    while at < len(text):
        char = text[at]
        if char == " " or char == "\n" or char == "\t":
            at += 1
        elif char == "{":
            if not wanted:
                raise ValueError("malformed array literal")
            out += "["
            depth += 1
            at += 1
            empty = True
        elif char == "}":
            if depth == 0 or (wanted and not empty):
                raise ValueError("malformed array literal")
            out += "]"
            depth -= 1
            at += 1
            wanted, empty = False, False
        elif char == ",":
            if wanted or depth == 0:
                raise ValueError("malformed array literal")
            out += ","
            at += 1
            wanted = True
        else:
            if not wanted or depth == 0:
                raise ValueError("malformed array literal")
            item = ""
            if char == '"':
                at += 1
                while at < len(text) and text[at] != '"':
                    if text[at] == "\\":
                        at += 1
                    item += text[at : at + 1]
                    at += 1
                if at >= len(text):
                    raise ValueError("malformed array literal")
                at += 1
                out += _quoted(item)
            else:
                while at < len(text) and text[at] != "," and text[at] != "}" and text[at] != "{":
                    item += text[at]
                    at += 1
                item = item.strip()
                if item.upper() == "NULL":
                    out += "null"
                elif _is_number(item):
                    out += item
                else:
                    out += _quoted(item)
            wanted, empty = False, False
    if depth != 0 or len(out) == 0:
        raise ValueError("malformed array literal")
    return out


def array_text(data: str) -> str:
    """The `{…}` of an array in JSON."""
    out = ""
    at = 0
    while at < len(data):
        char = data[at]
        at += 1
        if char == "[":
            out += "{"
        elif char == "]":
            out += "}"
        elif char == '"':
            end = at
            while end < len(data) and data[end] != '"':
                end += 2 if data[end] == "\\" else 1
            item = _plain(data[at - 1 : end + 1])
            at = end + 1
            bare = len(item) > 0 and item.upper() != "NULL" and not _is_number(item) and item == item.strip()
            for inner in item:
                if inner in '{},"\\':
                    bare = False
            if bare:
                out += item
            else:
                out += '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
        elif data[at - 1 : at + 3] == "null":
            out += "NULL"
            at += 3
        else:
            out += char
    return out


def _items(data: str) -> list[str]:
    """The items of an array in JSON."""
    out: list[str] = []
    depth, start, at = 0, 1, 0
    while at < len(data):
        char = data[at]
        if char == '"':
            at += 1
            while at < len(data) and data[at] != '"':
                at += 2 if data[at] == "\\" else 1
        elif char == "[" or char == "{":
            depth += 1
        elif char == "]" or char == "}":
            depth -= 1
            if depth == 0 and at > start:
                out.append(data[start:at])
        elif char == "," and depth == 1:
            out.append(data[start:at])
            start = at + 1
        at += 1
    return out


def _number(text: str) -> float:
    """The number that a text writes, to about its last digit."""
    value, scale, exponent = 0.0, 0, 0
    at = 1 if text.startswith("-") else 0
    point = False
    while at < len(text) and text[at] != "e" and text[at] != "E":
        if text[at] == ".":
            point = True
        else:
            value = value * 10.0 + float(ord(text[at]) - 48)
            scale += point
        at += 1
    if at < len(text):
        tail = text[at + 1 :]
        exponent = int(tail[1:]) if tail.startswith("+") else int(tail)
    exponent -= scale
    value = value * 10.0**exponent if exponent > 0 else value / 10.0 ** (-exponent)
    return -value if text.startswith("-") else value


def _joined(items: list[str]) -> str:
    out = ""
    for at in range(len(items)):
        out += ("," if at > 0 else "") + items[at]
    return "[" + out + "]"


def array_checked(data: str, kind: str) -> str:
    """The array, its items made what a column of that type ("integer", "real", "text") holds. Raises for others."""
    items = _items(data)
    for at in range(len(items)):
        item = items[at]
        if item.startswith("["):
            items[at] = array_checked(item, kind)
        elif item == "null":
            items[at] = item
        elif kind == "text":
            items[at] = item if item.startswith('"') else _quoted(item)
        elif kind == "integer" or kind == "real":
            plain = _plain(item) if item.startswith('"') else item
            if not _is_number(plain):
                raise ValueError("invalid number in an array")
            if kind == "integer" and (plain.find(".") >= 0 or plain.lower().find("e") >= 0):
                number = _number(plain)
                if number != float(round(number)):
                    raise ValueError("invalid integer in an array")
                plain = str(round(number))
            elif kind == "real" and plain.find(".") < 0 and plain.lower().find("e") < 0:
                plain += ".0"
            items[at] = plain
    return _joined(items)


def array_json_cat(a: str, b: str) -> str:
    """Both arrays' items."""
    items = _items(a)
    for item in _items(b):
        items.append(item)
    return _joined(items)


def array_json_slice(data: str, start: int, end: int) -> str:
    """The items from one place to another, which count from 1 and are both in it."""
    out: list[str] = []
    items = _items(data)
    for at in range(max(start, 1), min(end, len(items)) + 1):
        out.append(items[at - 1])
    return _joined(out)


def array_json_set(data: str, place: int, item: str) -> str:
    """The array with another item at a place; behind its end NULLs stand between. Raises for places below 1."""
    items = _items(data)
    if place < 1 or place > 1000000:
        raise ValueError("array subscript out of range")
    while len(items) < place:
        items.append("null")
    items[place - 1] = item
    return _joined(items)


def array_json_remove(data: str, item: str) -> str:
    """Without the items that are equal to one."""
    out: list[str] = []
    for each in _items(data):
        if each != item:
            out.append(each)
    return _joined(out)


def array_json_replace(data: str, old: str, new: str) -> str:
    """With another item for each that is equal to one."""
    items = _items(data)
    for at in range(len(items)):
        if items[at] == old:
            items[at] = new
    return _joined(items)


def array_json_find(data: str, item: str) -> int | None:
    """The place of the first item that is equal to one."""
    items = _items(data)
    for at in range(len(items)):
        if items[at] == item:
            return at + 1
    return None


def array_json_has(a: str, b: str, every: bool) -> bool:
    """Whether the first array has every item of the second, or one."""
    items = _items(a)
    for wanted in _items(b):
        found = False
        for item in items:
            found = found or (item == wanted and item != "null")
        if found != every:
            return found
    return every


def array_json_fill(item: str, count: int) -> str:
    """So many times one item."""
    if count < 0 or count > 1000000:
        raise ValueError("array size out of range")
    out: list[str] = []
    for _ in range(count):
        out.append(item)
    return _joined(out)


def _less(a: str, b: str) -> bool:
    """Numbers before texts before arrays, NULL behind all."""
    kind_a = 3 if a == "null" else 2 if a.startswith("[") else 1 if a.startswith('"') else 0
    kind_b = 3 if b == "null" else 2 if b.startswith("[") else 1 if b.startswith('"') else 0
    if kind_a != kind_b:
        return kind_a < kind_b
    if kind_a == 0:
        return _number(a) < _number(b)
    if kind_a == 1:
        return _plain(a) < _plain(b)
    if kind_a == 3:
        return False
    left, right = _items(a), _items(b)
    for at in range(min(len(left), len(right))):
        if left[at] != right[at]:
            return _less(left[at], right[at])
    return len(left) < len(right)


def array_json_less(a: str, b: str) -> bool:
    """Whether the first array comes before the second: item by item, then the shorter one."""
    return _less(a, b)


def array_json_sort(data: str) -> str:
    """The items in order."""
    items = _items(data)
    for end in range(1, len(items)):
        item, at = items[end], end
        while at > 0 and _less(item, items[at - 1]):
            items[at] = items[at - 1]
            at -= 1
        items[at] = item
    return _joined(items)


def array_json_ndims(data: str) -> int:
    """How deep the arrays are."""
    depth = 0
    while data[depth : depth + 1] == "[":
        depth += 1
    return depth


def array_json_split(text: str, separator: str, null: str | None = None) -> str:
    """The parts of a text between separators, NULL for those that are `null`; its characters for the separator ''."""
    out: list[str] = []
    while len(text) > 0:
        end = text.find(separator) if len(separator) > 0 else 1
        part = text if end < 0 or end > len(text) else text[:end]
        out.append("null" if null is not None and part == null else _quoted(part))
        if len(separator) > 0 and end >= 0 and end + len(separator) == len(text):
            out.append("null" if null is not None and null == "" else '""')
        text = "" if end < 0 else text[end + len(separator) :]
    return _joined(out)


def array_json_join(data: str, separator: str, null: str | None = None) -> str:
    """The items as a text, with separators between them; NULLs are left out, or written as `null`."""
    out = ""
    any_yet = False
    for item in _items(data):
        if item != "null" or null is not None:
            shown = _plain(item) if item.startswith('"') else item
            if item == "null" and null is not None:
                shown = null
            out += (separator if any_yet else "") + shown
            any_yet = True
    return out
