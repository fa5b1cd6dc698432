# ruff: noqa: E501 (lines of SQL)
"""Make the sample databases of the playground: files of SQLite, the same bytes of content each time.

`python demo/samples/make_samples.py FOLDER`. The records, albums and countries are facts; customers, sales and readings of sensors are
made up by a generator of random numbers that begins with the same seed.
"""

from __future__ import annotations

import math
import random
import sqlite3
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from sample_data import ALBUMS, COUNTRIES, FIRST_NAMES, LAST_NAMES

MUSIC = """
CREATE TABLE artists(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE genres(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE albums(id INTEGER PRIMARY KEY, title TEXT NOT NULL, artist_id INTEGER NOT NULL REFERENCES artists(id), year INTEGER);
CREATE TABLE tracks(
  id INTEGER PRIMARY KEY, title TEXT NOT NULL, album_id INTEGER NOT NULL REFERENCES albums(id),
  genre_id INTEGER REFERENCES genres(id), seconds INTEGER NOT NULL CHECK (seconds > 0), price REAL NOT NULL DEFAULT 0.99);
CREATE TABLE employees(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, title TEXT, boss_id INTEGER REFERENCES employees(id), hired_on TEXT);
CREATE TABLE customers(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, country TEXT NOT NULL,
  support_id INTEGER REFERENCES employees(id), preferences TEXT CHECK (preferences IS NULL OR json_valid(preferences)));
CREATE TABLE invoices(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers(id), day TEXT NOT NULL);
CREATE TABLE invoice_items(
  invoice_id INTEGER NOT NULL REFERENCES invoices(id), track_id INTEGER NOT NULL REFERENCES tracks(id),
  price REAL NOT NULL, quantity INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (invoice_id, track_id)) WITHOUT ROWID;
CREATE INDEX albums_by_artist ON albums(artist_id);
CREATE INDEX tracks_by_album ON tracks(album_id);
CREATE INDEX invoices_by_customer ON invoices(customer_id, day);
CREATE INDEX items_by_track ON invoice_items(track_id);
CREATE VIEW track_list AS
  SELECT t.id, t.title, a.title AS album, r.name AS artist, g.name AS genre,
         printf('%d:%02d', t.seconds / 60, t.seconds % 60) AS length
  FROM tracks t JOIN albums a ON a.id = t.album_id JOIN artists r ON r.id = a.artist_id LEFT JOIN genres g ON g.id = t.genre_id;
CREATE VIEW sales AS
  SELECT i.day, c.name AS customer, c.country, t.title AS track, x.quantity, x.quantity * x.price AS amount
  FROM invoice_items x JOIN invoices i ON i.id = x.invoice_id JOIN customers c ON c.id = i.customer_id JOIN tracks t ON t.id = x.track_id;
CREATE TRIGGER no_empty_names BEFORE INSERT ON customers WHEN trim(NEW.name) = ''
  BEGIN SELECT RAISE(ABORT, 'a customer needs a name'); END;
"""
EMPLOYEES = (
    (1, "Ada Nilsson", "General Manager", None, "2016-08-14"),
    (2, "Bruno Costa", "Sales Manager", 1, "2017-05-01"),
    (3, "Chiyo Mori", "Sales Support", 2, "2018-04-02"),
    (4, "Dele Okafor", "Sales Support", 2, "2018-09-17"),
    (5, "Eva Lind", "Sales Support", 2, "2020-03-04"),
    (6, "Farid Haddad", "IT Manager", 1, "2019-10-17"),
)
BUYERS = ("Brazil", "Canada", "Czechia", "France", "Germany", "India", "Japan", "Nigeria", "Portugal", "United States")


def music(db: sqlite3.Connection) -> None:
    """A music shop: artists, albums, tracks, customers, invoices."""
    dice = random.Random(1958)
    db.executescript(MUSIC)
    artists = sorted({artist for artist, *_ in ALBUMS})
    genres = sorted({genre for *_, genre, _ in ALBUMS})
    db.executemany("INSERT INTO artists VALUES (?, ?)", enumerate(artists, 1))
    db.executemany("INSERT INTO genres VALUES (?, ?)", enumerate(genres, 1))
    tracks = 0
    for number, (artist, title, year, genre, songs) in enumerate(ALBUMS, 1):
        db.execute("INSERT INTO albums VALUES (?, ?, ?, ?)", (number, title, artists.index(artist) + 1, year))
        for song in songs:
            tracks += 1
            price = dice.choice((0.99, 0.99, 0.99, 1.29))
            row = (tracks, song, number, genres.index(genre) + 1, dice.randint(128, 560), price)
            db.execute("INSERT INTO tracks VALUES (?, ?, ?, ?, ?, ?)", row)
    db.executemany("INSERT INTO employees VALUES (?, ?, ?, ?, ?)", EMPLOYEES)
    for number in range(1, 60):
        first, last = FIRST_NAMES[number % len(FIRST_NAMES)], LAST_NAMES[(number * 7) % len(LAST_NAMES)]
        preferences = (
            f'{{"newsletter": {dice.choice(("true", "false"))}, "formats": ["flac", "mp3"]}}' if number % 3 else None
        )
        email = f"{first}.{last}.{number}@example.com".lower()
        row = (number, f"{first} {last}", email, dice.choice(BUYERS), 3 + number % 3, preferences)
        db.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", row)
    for number in range(1, 413):
        day = date(2024, 1, 1) + timedelta(days=number * 730 // 413)
        db.execute("INSERT INTO invoices VALUES (?, ?, ?)", (number, dice.randint(1, 59), day.isoformat()))
        for track in dice.sample(range(1, tracks + 1), dice.randint(1, 8)):
            (price,) = db.execute("SELECT price FROM tracks WHERE id = ?", (track,)).fetchone()
            db.execute(
                "INSERT INTO invoice_items VALUES (?, ?, ?, ?)", (number, track, price, dice.choice((1, 1, 1, 2)))
            )


def countries(db: sqlite3.Connection) -> None:
    """Countries with their area, population and neighbours."""
    db.executescript("""
        CREATE TABLE countries(code TEXT PRIMARY KEY, name TEXT NOT NULL, capital TEXT, continent TEXT, area_km2 INTEGER, population INTEGER);
        CREATE TABLE borders(a TEXT REFERENCES countries(code), b TEXT REFERENCES countries(code), PRIMARY KEY (a, b)) WITHOUT ROWID;
        CREATE INDEX countries_by_continent ON countries(continent);
    """)
    codes = {line.split("|")[0] for line in COUNTRIES.strip().splitlines()}
    for line in COUNTRIES.strip().splitlines():
        code, name, capital, continent, area, people, neighbours = line.split("|")
        db.execute(
            "INSERT INTO countries VALUES (?, ?, ?, ?, ?, ?)",
            (code, name, capital, continent, int(area), int(float(people) * 1e6)),
        )
        pairs = [(code, other) for other in neighbours.split() if other in codes]
        db.executemany("INSERT OR IGNORE INTO borders VALUES (?, ?)", [*pairs, *((b, a) for a, b in pairs)])


def weather(db: sqlite3.Connection) -> None:
    """Readings of sensors, one an hour and station: enough rows to aggregate and to draw."""
    dice = random.Random(7)
    db.executescript("""
        CREATE TABLE stations(id INTEGER PRIMARY KEY, name TEXT, altitude_m INTEGER);
        CREATE TABLE readings(station_id INTEGER REFERENCES stations(id), at TEXT, celsius REAL, humidity INTEGER, rain_mm REAL);
        CREATE INDEX readings_by_time ON readings(station_id, at);
    """)
    for number, (name, altitude) in enumerate((("Harbour", 3), ("Old Town", 120), ("Summit", 1980)), 1):
        db.execute("INSERT INTO stations VALUES (?, ?, ?)", (number, name, altitude))
        for hour in range(24 * 365):
            at = datetime(2025, 1, 1) + timedelta(hours=hour)
            season = -math.cos(hour / 8760 * 2 * math.pi) * 9
            sun = -math.cos((at.hour - 3) / 24 * 2 * math.pi) * 4
            celsius = round(12 + season + sun - altitude / 160 + dice.gauss(0, 1.8), 1)
            rain = round(dice.expovariate(0.9), 1) if dice.random() < 0.09 else 0.0
            humidity = min(100, max(15, int(70 - sun * 4 + (18 if rain else 0) + dice.gauss(0, 6))))
            row = (number, at.isoformat(sep=" ", timespec="minutes"), celsius, humidity, rain)
            db.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", row)


def make(folder: Path) -> None:
    """All samples, where they are missing."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = (Path(__file__), Path(__file__).with_name("sample_data.py"))
    newest = max(path.stat().st_mtime for path in sources)
    for fill in (music, countries, weather):
        target = folder / f"{fill.__name__}.db"
        if target.exists() and target.stat().st_mtime > newest:
            continue
        target.unlink(missing_ok=True)
        db = sqlite3.connect(target)
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("BEGIN")
        fill(db)
        db.commit()
        db.execute("VACUUM")
        db.close()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
