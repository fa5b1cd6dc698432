"""The schema of the weighed Programs, and those of their statements that a program has to write."""

from __future__ import annotations

SCHEMA = """
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT COLLATE NOCASE, born TEXT, credit REAL);
CREATE INDEX customer_city ON customer(city, name);
CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT NOT NULL, day TEXT, total REAL CHECK (total >= 0), note TEXT);
CREATE INDEX orders_customer ON orders(customer);
CREATE INDEX orders_day ON orders(day, total DESC);
CREATE TABLE item(orders INT, line INT, product TEXT, n INT DEFAULT 1, price REAL, PRIMARY KEY (orders, line))
    WITHOUT ROWID;
CREATE INDEX item_product ON item(product);
CREATE TABLE product(code TEXT PRIMARY KEY, name TEXT UNIQUE, price REAL, stock INT) STRICT;
CREATE TABLE pair(x, y);
CREATE TABLE wide(id INTEGER PRIMARY KEY, {wide_columns});
""".replace("{wide_columns}", ", ".join(f"c{i} {('INT', 'TEXT', 'REAL')[i % 3]}" for i in range(30)))


def generated() -> dict[str, str]:
    """The statements too long for a line: their names → their texts."""
    found = {}
    for n in (1, 2, 3, 4):
        joins = "".join(f" FULL JOIN pair t{i} ON t{i}.x = t{i - 1}.x" for i in range(1, n + 1))
        found[f"FULL JOINs in a chain: {n}"] = f"SELECT * FROM pair t0{joins}"
    for n in (2, 10, 30):
        arms = " UNION ALL ".join(f"SELECT x, y FROM pair WHERE x > {i}" for i in range(n))
        found[f"UNION ALL, arms: {n}"] = arms
        found[f"UNION ALL with ORDER BY, arms: {n}"] = arms + " ORDER BY 1"
    for n in (10, 100):
        found[f"ORed pairs: {n}"] = "SELECT y FROM pair WHERE " + " OR ".join(
            f"(x > {3 * i} AND x < {3 * i + 2})" for i in range(n)
        )
    found["INSERT, columns: 31"] = f"INSERT INTO wide VALUES ({', '.join('?' * 31)})"
    found["INSERT, rows: 50"] = "INSERT INTO pair VALUES " + ", ".join(f"({i}, 'r{i}')" for i in range(50))
    found["UPDATE, columns: 30"] = "UPDATE wide SET " + ", ".join(f"c{i} = ?" for i in range(30)) + " WHERE id = ?"
    return found
