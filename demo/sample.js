/** The sample database: a small music shop, the same each time. */

const ARTISTS = [
  ['Nina Simone', 'US'],
  ['Caetano Veloso', 'BR'],
  ['Kraftwerk', 'DE'],
  ['Fela Kuti', 'NG'],
  ['Björk', 'IS'],
  ['Ravi Shankar', 'IN'],
  ['Édith Piaf', 'FR'],
  ['坂本 龍一', 'JP'],
];
const WORDS = ['Night', 'River', 'Glass', 'Summer', 'Signal', 'Garden', 'Paper', 'Echo', 'Stone', 'Harbour'];
const COUNTRIES = ['BR', 'DE', 'FR', 'IN', 'JP', 'NG', 'US'];
const CUSTOMERS = ['Ada', 'Bohdan', 'Chidi', 'Dalia', 'Emre', 'Fatima', 'Grace', 'Hugo', 'Ines', 'Jun', 'Kofi', 'Lena'];
const SALES = 3000;

const TABLES = `
CREATE TABLE artists(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, country TEXT);
CREATE TABLE albums(id INTEGER PRIMARY KEY, artist_id INTEGER NOT NULL REFERENCES artists(id), title TEXT NOT NULL, year INTEGER);
CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, country TEXT, note TEXT);
CREATE TABLE sales(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, album_id INTEGER NOT NULL, price REAL, sold_on TEXT);
CREATE INDEX sales_by_customer ON sales(customer_id);
CREATE INDEX albums_by_artist ON albums(artist_id, year DESC);
`;

export const QUERY = `-- The best customers, and what they spent
SELECT c.name, c.country, count(*) AS sales, round(sum(s.price), 2) AS spent
  FROM sales AS s JOIN customers AS c ON c.id = s.customer_id
 GROUP BY c.id
 ORDER BY spent DESC
 LIMIT 10;

-- Albums by artist
SELECT a.name AS artist, b.title, b.year
  FROM albums AS b JOIN artists AS a ON a.id = b.artist_id
 ORDER BY a.name, b.year;
`;

/** Numbers that look random and are the same each time. @param {number} seed */
function numbers(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** @param {import('../web/index.js').Database} db */
export async function fillSample(db) {
  const pick = numbers(7);
  await db.exec(TABLES);
  await db.transaction(async (tx) => {
    const insert = (/** @type {string} */ sql) => {
      const statement = tx.prepare(sql);
      return (/** @type {any[]} */ ...values) => statement.run(...values);
    };
    const artist = insert('INSERT INTO artists(name, country) VALUES (?, ?)');
    const album = insert('INSERT INTO albums(artist_id, title, year) VALUES (?, ?, ?)');
    const customer = insert('INSERT INTO customers(name, country, note) VALUES (?, ?, ?)');
    const sale = insert('INSERT INTO sales(customer_id, album_id, price, sold_on) VALUES (?, ?, ?, ?)');
    const all = [];
    for (const row of ARTISTS) all.push(artist(...row));
    for (let i = 0; i < 24; i++) {
      all.push(album(1 + (i % ARTISTS.length), `${WORDS[pick(10)]} ${WORDS[pick(10)]}`, 1958 + pick(60)));
    }
    for (const name of CUSTOMERS) {
      all.push(customer(name, COUNTRIES[pick(COUNTRIES.length)], pick(3) ? null : 'wants vinyl'));
    }
    for (let i = 0; i < SALES; i++) {
      const day = new Date(Date.UTC(2024, 0, 1 + pick(700))).toISOString().slice(0, 10);
      all.push(sale(1 + pick(CUSTOMERS.length), 1 + pick(24), (700 + pick(1800)) / 100, day));
    }
    await Promise.all(all);
  })();
}
