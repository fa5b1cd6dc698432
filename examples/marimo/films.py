"""A notebook of marimo over a database: `marimo run films.py`."""

import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    import turso_wasm

    db = turso_wasm.connect("work.db")
    db.execute("CREATE TABLE IF NOT EXISTS visit(n INTEGER PRIMARY KEY, title TEXT, year INTEGER)")
    with db:
        db.executemany("INSERT INTO visit(title, year) VALUES (?, ?)", [("Metropolis", 1927), ("M", 1931)])
    return db, mo


@app.cell
def _(mo):
    year = mo.ui.slider(1920, 1940, value=1930, label="after")
    year
    return (year,)


@app.cell
def _(db, mo, year):
    later = mo.sql(f"SELECT title, year FROM visit WHERE year > {year.value}", engine=db)
    return (later,)


if __name__ == "__main__":
    app.run()
