"""Rows like those of TPC-H: the same tables, sizes, ranges and words, drawn from a generator of our own.

Source of the shape: the TPC-H specification, https://www.tpc.org/tpch/
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

Row = tuple[Any, ...]

SCHEMA = """
CREATE TABLE region(r_regionkey INTEGER PRIMARY KEY, r_name TEXT, r_comment TEXT);
CREATE TABLE nation(n_nationkey INTEGER PRIMARY KEY, n_name TEXT, n_regionkey INTEGER, n_comment TEXT);
CREATE TABLE supplier(s_suppkey INTEGER PRIMARY KEY, s_name TEXT, s_address TEXT, s_nationkey INTEGER, s_phone TEXT,
    s_acctbal REAL, s_comment TEXT);
CREATE TABLE part(p_partkey INTEGER PRIMARY KEY, p_name TEXT, p_mfgr TEXT, p_brand TEXT, p_type TEXT, p_size INTEGER,
    p_container TEXT, p_retailprice REAL, p_comment TEXT);
CREATE TABLE partsupp(ps_partkey INTEGER, ps_suppkey INTEGER, ps_availqty INTEGER, ps_supplycost REAL, ps_comment TEXT,
    PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer(c_custkey INTEGER PRIMARY KEY, c_name TEXT, c_address TEXT, c_nationkey INTEGER, c_phone TEXT,
    c_acctbal REAL, c_mktsegment TEXT, c_comment TEXT);
CREATE TABLE orders(o_orderkey INTEGER PRIMARY KEY, o_custkey INTEGER, o_orderstatus TEXT, o_totalprice REAL,
    o_orderdate TEXT, o_orderpriority TEXT, o_clerk TEXT, o_shippriority INTEGER, o_comment TEXT);
CREATE TABLE lineitem(l_orderkey INTEGER, l_partkey INTEGER, l_suppkey INTEGER, l_linenumber INTEGER, l_quantity REAL,
    l_extendedprice REAL, l_discount REAL, l_tax REAL, l_returnflag TEXT, l_linestatus TEXT, l_shipdate TEXT,
    l_commitdate TEXT, l_receiptdate TEXT, l_shipinstruct TEXT, l_shipmode TEXT, l_comment TEXT,
    PRIMARY KEY (l_orderkey, l_linenumber));
"""

REGIONS = ("AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST")
NATIONS = (
    *(("ALGERIA", 0), ("ARGENTINA", 1), ("BRAZIL", 1), ("CANADA", 1), ("EGYPT", 4), ("ETHIOPIA", 0), ("FRANCE", 3)),
    *(("GERMANY", 3), ("INDIA", 2), ("INDONESIA", 2), ("IRAN", 4), ("IRAQ", 4), ("JAPAN", 2), ("JORDAN", 4)),
    *(("KENYA", 0), ("MOROCCO", 0), ("MOZAMBIQUE", 0), ("PERU", 1), ("CHINA", 2), ("ROMANIA", 3), ("SAUDI ARABIA", 4)),
    *(("VIETNAM", 2), ("RUSSIA", 3), ("UNITED KINGDOM", 3), ("UNITED STATES", 1)),
)
COLORS = tuple(
    """
almond antique azure beige bisque black blue brown burlywood chartreuse coral cream cyan firebrick forest
frosted ghost green honeydew indian ivory khaki lavender lemon lime linen magenta maroon metallic mint navy
olive orchid peach plum powder puff purple red rose royal salmon sienna sky slate smoke snow spring steel tan
thistle tomato turquoise violet wheat white yellow
""".split()  # noqa: SIM905
)
TYPES = (
    ("STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"),
    ("ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"),
    ("TIN", "NICKEL", "BRASS", "STEEL", "COPPER"),
)
CONTAINERS = (("SM", "LG", "MED", "JUMBO", "WRAP"), ("CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"))
SEGMENTS = ("AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD")
PRIORITIES = ("1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW")
INSTRUCTIONS = ("DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN")
MODES = ("REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB")
WORDS = tuple(
    """
furiously quickly slyly blithely carefully pending final ironic express regular bold even silent special
deposits accounts packages requests theodolites instructions foxes ideas pinto beans sleep wake haggle nag among
the above across after
""".split()  # noqa: SIM905
)

FIRST_DAY = date(1992, 1, 1)
LAST_ORDER = (date(1998, 8, 2) - FIRST_DAY).days
TODAY = "1995-06-17"
DAYS = [(FIRST_DAY + timedelta(days=n)).isoformat() for n in range(2600)]


class Generator:
    """The rows of each table at a scale (1: six million line items)."""

    def __init__(self, scale: float) -> None:
        self.random = random.Random(1)
        self.n_suppliers = max(int(10_000 * scale), 10)
        self.n_parts = max(int(200_000 * scale), 40)
        self.n_customers = max(int(150_000 * scale), 30)
        self.n_orders = self.n_customers * 10

    def tables(self) -> Iterator[tuple[str, list[Row]]]:
        """Each table's name and rows."""
        for name in ("region", "nation", "supplier", "part", "partsupp", "customer"):
            yield name, list(getattr(self, name)())
        items: list[Row] = []
        yield "orders", list(self.orders(items))
        yield "lineitem", items

    def comment(self, n: int) -> str:
        """So many words."""
        return " ".join(self.random.choices(WORDS, k=n))

    def phone(self, nation: int) -> str:
        """A number that begins with the country's."""
        digits = self.random.randint
        return f"{nation + 10}-{digits(100, 999)}-{digits(100, 999)}-{digits(1000, 9999)}"

    def money(self, low: int, high: int) -> float:
        """An amount between so many units."""
        return self.random.randint(low * 100, high * 100) / 100

    def region(self) -> Iterator[Row]:
        yield from ((at, name, self.comment(5)) for at, name in enumerate(REGIONS))

    def nation(self) -> Iterator[Row]:
        yield from ((at, name, region, self.comment(5)) for at, (name, region) in enumerate(NATIONS))

    def supplier(self) -> Iterator[Row]:
        for key in range(1, self.n_suppliers + 1):
            nation = self.random.randrange(25)
            comment = self.comment(6)
            if key % 40 == 7:
                comment += " Customer slyly Complaints " + self.comment(2)
            place = f"street {self.random.randrange(10_000)}"
            yield key, f"Supplier#{key:09}", place, nation, self.phone(nation), self.money(-999, 9999), comment

    def part(self) -> Iterator[Row]:
        choice = self.random.choice
        for key in range(1, self.n_parts + 1):
            maker = self.random.randint(1, 5)
            yield (
                key,
                " ".join(self.random.sample(COLORS, 5)),
                f"Manufacturer#{maker}",
                f"Brand#{maker}{self.random.randint(1, 5)}",
                " ".join(map(choice, TYPES)),
                self.random.randint(1, 50),
                " ".join(map(choice, CONTAINERS)),
                self.price(key),
                self.comment(3),
            )

    def price(self, part: int) -> float:
        """What a part costs."""
        return (90_000 + part // 10 % 20_001 + 100 * (part % 1000)) / 100

    def suppliers_of(self, part: int) -> list[int]:
        """The four suppliers of a part."""
        n = self.n_suppliers
        return sorted({(part + i * (n // 4 + (part - 1) // n)) % n + 1 for i in range(4)})

    def partsupp(self) -> Iterator[Row]:
        for part in range(1, self.n_parts + 1):
            for supplier in self.suppliers_of(part):
                yield part, supplier, self.random.randint(1, 9999), self.money(1, 1000), self.comment(8)

    def customer(self) -> Iterator[Row]:
        for key in range(1, self.n_customers + 1):
            nation = self.random.randrange(25)
            segment = self.random.choice(SEGMENTS)
            place = f"street {self.random.randrange(10_000)}"
            balance = self.money(-999, 9999)
            yield key, f"Customer#{key:09}", place, nation, self.phone(nation), balance, segment, self.comment(8)

    def orders(self, items: list[Row]) -> Iterator[Row]:
        """The orders; their line items are added to `items`."""
        for number in range(self.n_orders):
            key = number // 8 * 32 + number % 8 + 1
            customer = self.random.randint(1, self.n_customers)
            customer -= customer % 3 == 0  # a third of them never orders
            day = self.random.randrange(LAST_ORDER - 121)
            own = [self._item(key, line, day) for line in range(1, self.random.randint(1, 7) + 1)]
            items += own
            states = {item[9] for item in own}
            total = round(sum(item[5] * (1 + item[7]) * (1 - item[6]) for item in own), 2)
            clerk = f"Clerk#{self.random.randint(1, max(self.n_customers // 100, 1)):09}"
            yield (
                key,
                max(customer, 1),
                states.pop() if len(states) == 1 else "P",
                total,
                DAYS[day],
                self.random.choice(PRIORITIES),
                clerk,
                0,
                self.comment(6),
            )

    def _item(self, order: int, line: int, day: int) -> Row:
        part = self.random.randint(1, self.n_parts)
        quantity = self.random.randint(1, 50)
        ship = day + self.random.randint(1, 121)
        commit = day + self.random.randint(30, 90)
        receipt = ship + self.random.randint(1, 30)
        returned = self.random.choice("RA") if DAYS[receipt] <= TODAY else "N"
        return (
            order,
            part,
            self.random.choice(self.suppliers_of(part)),
            line,
            float(quantity),
            round(quantity * self.price(part), 2),
            self.random.randint(0, 10) / 100,
            self.random.randint(0, 8) / 100,
            returned,
            "O" if DAYS[ship] > TODAY else "F",
            DAYS[ship],
            DAYS[commit],
            DAYS[receipt],
            self.random.choice(INSTRUCTIONS),
            self.random.choice(MODES),
            self.comment(4),
        )


def create(connection: Any, scale: float) -> None:
    """Make and fill the tables. connection: of this engine or of sqlite3, in autocommit mode."""
    for statement in SCHEMA.split(";")[:-1]:
        connection.execute(statement)
    connection.execute("BEGIN")
    for name, rows in Generator(scale).tables():
        connection.executemany(f"INSERT INTO {name} VALUES ({', '.join('?' * len(rows[0]))})", rows)
    connection.execute("COMMIT")
