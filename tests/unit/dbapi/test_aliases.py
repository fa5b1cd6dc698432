"""Other people's libraries over turso_wasm in the place of sqlite3, each in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ALIAS = """
import sys
import turso_wasm, turso_wasm.dbapi2

sys.modules["sqlite3"] = turso_wasm
sys.modules["sqlite3.dbapi2"] = turso_wasm.dbapi2
"""
SCRIPTS = {
    "pandas": """
        import pandas

        connection = turso_wasm.connect(":memory:")
        days = pandas.to_datetime(["2024-05-01", "2024-05-02", "2024-05-03"])
        frame = pandas.DataFrame({"a": [1, 2, 3], "b": [1.5, None, 2], "c": ["x", "y", None], "d": days})
        assert frame.to_sql("t", connection, index=False) == 3
        frame.to_sql("t", connection, index=False, if_exists="append", method="multi", chunksize=2)
        back = pandas.read_sql("SELECT * FROM t WHERE a > ? ORDER BY a", connection, params=(1,), parse_dates=["d"])
        assert back["a"].tolist() == [2, 2, 3, 3] and back["d"].iloc[0] == days[1]
        assert [len(part) for part in pandas.read_sql("SELECT * FROM t", connection, chunksize=4)] == [4, 2]
        """,
    "sqlite_utils": """
        import sqlite_utils

        db = sqlite_utils.Database(memory=True)
        dogs = db["dogs"]
        dogs.insert_all([{"id": 1, "name": "Cleo", "age": 4}, {"id": 2, "name": "Marnie", "age": 16}], pk="id")
        dogs.upsert({"id": 1, "age": 5}, pk="id")
        dogs.enable_fts(["name"], create_triggers=True)
        dogs.insert({"id": 3, "name": "Cleopatra", "age": 1})
        assert sorted(row["id"] for row in dogs.search("cleo*")) == [1, 3]
        dogs.transform(rename={"age": "years"})
        assert dogs.columns_dict == {"id": int, "name": str, "years": int}
        db.vacuum()
        """,
    "peewee": """
        import peewee

        db = peewee.SqliteDatabase("app.db", pragmas={"foreign_keys": 1})

        class Person(peewee.Model):
            name = peewee.CharField(unique=True)

            class Meta:
                database = db

        with db:
            db.create_tables([Person])
            with db.atomic():
                Person.insert_many([{"name": str(n)} for n in range(100)]).execute()
            assert Person.select().where(Person.name ** "1%").count() == 11
            try:
                Person.create(name="7")
            except peewee.IntegrityError as error:
                assert "UNIQUE constraint failed: person.name" in str(error)
            else:
                raise AssertionError
        """,
    "django": """
        import django
        from django.conf import settings

        settings.configure(
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "app.db"}},
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
            USE_TZ=True,
        )
        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        from django.contrib.auth.models import Group, User
        from django.db import IntegrityError, transaction
        from django.db.models import Count
        from django.db.models.functions import TruncDay

        ada = User.objects.create_user("ada")
        ada.groups.add(Group.objects.create(name="g"))
        found = User.objects.annotate(n=Count("groups"), day=TruncDay("date_joined")).get(username__iregex="^A")
        assert found.n == 1 and found.day.hour == 0
        try:
            with transaction.atomic():
                User.objects.create_user("ada")
        except IntegrityError as error:
            assert "UNIQUE constraint failed: auth_user.username" in str(error)
        Group.objects.bulk_create([Group(name=f"g{n}") for n in range(500)])
        assert Group.objects.filter(name__in=[f"g{n}" for n in range(300)]).count() == 300
        """,
    "datasette": """
        import asyncio
        from datasette.app import Datasette

        connection = turso_wasm.connect("app.db")
        connection.execute("CREATE TABLE p(id INTEGER PRIMARY KEY, name)").close()
        connection.executescript("INSERT INTO p(name) VALUES ('a'), ('b')")
        connection.close()

        async def main():
            site = Datasette(files=["app.db"])
            await site.invoke_startup()
            for page in ("/", "/app/p?_sort=name", "/app/p/1.json", "/app.json?sql=select+count(*)+from+p"):
                assert (await site.client.get(page)).status_code == 200, page
            rows = (await site.client.get("/app/p.json?_facet=name&_shape=array")).json()
            assert rows == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]

        asyncio.run(main())
        """,
}


@pytest.mark.skipif(sys.platform == "emscripten", reason="there are no processes")
@pytest.mark.parametrize("library", SCRIPTS)
def test_by_alias(library: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    script = ALIAS + dedent(SCRIPTS[library])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
