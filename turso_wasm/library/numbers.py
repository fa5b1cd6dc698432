"""Integers and booleans."""


def gcd(a: int, b: int) -> int:
    """The greatest common divisor; 0 of two zeros."""
    a, b = abs(a), abs(b)
    while b != 0:
        a, b = b, a % b
    return a


def lcm(a: int, b: int) -> int:
    """The least common multiple; 0 if one is 0."""
    if a == 0 or b == 0:
        return 0
    return abs(a // gcd(a, b) * b)


def boolean_to_int(value: bool) -> int:
    """1 for true, 0 for false."""
    return 1 if value else 0


def int_to_boolean(value: int) -> bool:
    """True but for 0."""
    return value != 0
