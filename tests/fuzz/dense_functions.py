"""Scripts of functions and operators: values of every kind, moments and their modifiers."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def listed(text: str, mark: str = "; ") -> tuple[str, ...]:
    """What stands between the marks."""
    return tuple(text.split(mark))


class Functions:
    """Calls of all kinds with values of all kinds, of a table's row and of constants."""

    VALUES = listed(
        "NULL; 0; 1; -1; 2; 10; 1000; 9223372036854775807; -9223372036854775808; 0.0; -0.0; 0.5; 1.5; -2.5; "
        "1e18; 1e19; 1e300; 9e999; ''; 'a'; 'abc'; '1'; '-1.5'; '12abc'; ' 7 '; '1e2'; x''; x'00'; "
        "x'616263'; x'31'; 'naïve'; '日本'; char(0, 65); 'a%_b'"
    )
    NUMERIC = listed(
        "acos acosh asin asinh atan atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 radians "
        "sin sinh sqrt tan tanh trunc",
        " ",
    )
    BINARY = ("atan2", "log", "mod", "pow", "power")
    EXACT = listed(
        "abs({}); char({}, {}); coalesce({}, {}); concat({}, {}); concat_ws({}, {}, {}); format({}, {}, {}); "
        "glob({}, {}); hex({}); ifnull({}, {}); iif({}, {}, {}); instr({}, {}); length({}); like({}, {}); "
        "like({}, {}, '_'); lower({}); ltrim({}); ltrim({}, {}); max({}, {}); min({}, {}, {}); "
        "nullif({}, {}); octet_length({}); printf('%d|%s|%5.2f', {}, {}, {}); "
        "printf('%x %o %u %c %q %Q %w', {}, {}, {}, {}, {}, {}, {}); "
        "printf('%-8s|%08d|%+d|%e|%g|%!g', {}, {}, {}, {}, {}, {}); "
        "printf('%,d %#x %*d %.3s %!.20g', {}, {}, {}, {}, {}, {}); quote({}); replace({}, {}, {}); "
        "round({}); round({}, {}); rtrim({}, {}); sign({}); soundex({}); substr({}, {}); substr({}, {}, {}); "
        "substring({}, {}, {}); trim({}); trim({}, {}); typeof({}); unhex({}); unhex({}, {}); unicode({}); "
        "unistr({}); unistr_quote({}); upper({}); zeroblob({} % 9); subtype({}); CAST({} AS INTEGER); "
        "CAST({} AS REAL); CAST({} AS TEXT); CAST({} AS BLOB); CAST({} AS NUMERIC); {} || {}; {} + {}; "
        "{} - {}; {} * {}; {} / {}; {} % {}; {} & {}; {} | {}; {} << {}; {} >> {}; ~ {}; - {}; {} < {}; "
        "{} = {}; {} IS {}; {} BETWEEN {} AND {}; {} IN ({}, {}); {} LIKE {}; {} GLOB {}; "
        "({}, {}) < ({}, {}); NOT {}; {} AND {}; {} OR {}; likelihood({}, 0.5); "
        "CASE {} WHEN {} THEN 1 WHEN {} THEN 2 END; {} COLLATE NOCASE = {}; {} COLLATE RTRIM < {}"
    )
    TIMES = listed(
        "'2024-02-29'; '2023-12-31 23:59:59.999'; '2000-01-01T00:00Z'; '12:34'; '12:34:56.789'; 2460000.5; "
        "0; 1e9; -1; '2024-01-01 10:00+02:30'; '0000-01-01'; '9999-12-31'; '10000-01-01'; 'bad'; NULL; "
        "'2021-02-30'; 5373484.499; 1700000000"
    )
    MODIFIERS = listed(
        "'+1 day'; '-1 month'; '+1 year'; 'start of month'; 'start of year'; 'start of day'; 'weekday 0'; "
        "'weekday 3'; 'unixepoch'; 'julianday'; 'auto'; '+1.5 hours'; '-30 minutes'; '+90 seconds'; "
        "'+0001-02-03 04:05'; '-05:30'; 'ceiling'; 'floor'; 'subsec'; '+1 nosuch'; "
        "'+1000000 days'; NULL; '+11 months'"
    )
    FORMATS = listed(
        "'%Y-%m-%d'; '%d %e %f %F'; '%g %G %V %U %W %u %w'; '%H %I %j %k %l %m %M'; '%p %P %R %s %S %T %%'; '%J'; '%x'"
    )

    def __init__(self, random: Random) -> None:
        self.random = random

    def schema(self) -> Iterator[str]:
        """Values of every kind in columns of every affinity."""
        yield "CREATE TABLE t(id INTEGER PRIMARY KEY, i INTEGER, r REAL, s TEXT, b BLOB, n NUMERIC)"
        for number in range(8):
            yield f"INSERT INTO t VALUES ({number}, {', '.join(self.random.choice(self.VALUES) for _ in range(5))})"

    def value(self) -> str:
        return self.random.choice((*"irsbn", *self.random.sample(self.VALUES, 5)))

    def call(self) -> str:
        """One call; floating-point results are rounded where their last digits are the platform's."""
        choice, kind = self.random.choice, self.random.random()
        if kind < 0.15:
            return f"round({choice(self.NUMERIC)}({self.value()}), 9)"
        if kind < 0.2:
            return f"round({choice(self.BINARY)}({self.value()}, {self.value()}), 9)"
        if kind < 0.4:
            modifiers = "".join(f", {choice(self.MODIFIERS)}" for _ in range(choice((0, 1, 1, 2, 3))))
            time = choice((*self.TIMES, "i", "s", "n"))
            function = choice(("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"))
            if function == "timediff":
                return f"timediff({time}, {choice(self.TIMES)})"
            return f"{function}({choice(self.FORMATS) + ', ' if function == 'strftime' else ''}{time}{modifiers})"
        text = choice(self.EXACT)
        return text.format(*(self.value() for _ in range(text.count("{}"))))

    def statement(self) -> str:
        """Several of them, in a query of any form."""
        choice, calls = self.random.choice, [self.call() for _ in range(self.random.choice((1, 2, 4)))]
        kind = self.random.random()
        if kind < 0.5:
            return f"SELECT id, {', '.join(calls)} FROM t ORDER BY id"
        if kind < 0.7:
            return f"SELECT id FROM t WHERE {calls[0]} {choice(('IS NOT', '<', '=', '>'))} {self.value()} ORDER BY id"
        if kind < 0.8:
            return f"SELECT {calls[0]} AS k, count(*), min(id) FROM t GROUP BY k ORDER BY min(id)"
        if kind < 0.9:
            return f"SELECT {', '.join(f'typeof({call})' for call in calls)} FROM t"
        operator = choice(("=", "<", "IS", "LIKE"))
        return f"SELECT a.id, b.id FROM t a, t b WHERE a.{choice('irsbn')} {operator} b.{choice('irsbn')}"
