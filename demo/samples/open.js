/** The sample databases, which are files beside the page, and the queries they begin with. */

import { databaseName, freeName, open } from '../core/session.js';
import { t } from '../core/texts.js';
import { openWorkspace } from '../core/workspace.js';

const query = (/** @type {string} */ key, /** @type {string} */ sql) => () => ({ title: t(`query.${key}`), sql });

const MUSIC = [
  query(
    'best',
    `-- Which albums earned most? A join of five tables.
SELECT al.title AS album, ar.name AS artist, count(*) AS sold, round(sum(x.price * x.quantity), 2) AS earned
FROM invoice_items AS x
JOIN tracks  AS t  ON t.id = x.track_id
JOIN albums  AS al ON al.id = t.album_id
JOIN artists AS ar ON ar.id = al.artist_id
GROUP BY al.id
ORDER BY earned DESC
LIMIT 15;`,
  ),
  query(
    'months',
    `-- Sales by month, and the months before together: a window function.
SELECT strftime('%Y-%m', day) AS month,
       round(sum(amount), 2) AS sales,
       round(sum(sum(amount)) OVER (ORDER BY strftime('%Y-%m', day)), 2) AS so_far
FROM sales
GROUP BY month
ORDER BY month;`,
  ),
  query(
    'never',
    `-- Customers of a country and what they chose, from JSON. The country is asked for.
SELECT c.name, c.email, c.preferences ->> 'newsletter' AS newsletter, count(i.id) AS invoices, max(i.day) AS latest
FROM customers AS c
LEFT JOIN invoices AS i ON i.customer_id = c.id
WHERE c.country = :country
GROUP BY c.id
ORDER BY invoices DESC;`,
  ),
];

const COUNTRIES = [
  query(
    'density',
    `-- People per square kilometre
SELECT name, continent, population, area_km2, round(1.0 * population / area_km2, 1) AS density
FROM countries
ORDER BY density DESC
LIMIT 20;`,
  ),
  query(
    'route',
    `-- The way over land from Portugal to Vietnam: a recursive query
WITH RECURSIVE route(code, path, steps) AS (
  SELECT 'PT', 'PT', 0
  UNION
  SELECT b.b, r.path || ' → ' || b.b, r.steps + 1
  FROM route AS r JOIN borders AS b ON b.a = r.code
  WHERE instr(r.path, b.b) = 0 AND r.steps < 9
)
SELECT path, steps FROM route WHERE code = 'VN' ORDER BY steps LIMIT 5;`,
  ),
  query(
    'continents',
    `-- Each continent: how many people, and who has most of them
SELECT continent, count(*) AS countries, sum(population) AS people,
       (SELECT name FROM countries AS x WHERE x.continent = c.continent ORDER BY population DESC LIMIT 1) AS largest
FROM countries AS c
GROUP BY continent
ORDER BY people DESC;`,
  ),
];

const WEATHER = [
  query(
    'warmth',
    `-- The year at three stations
SELECT date(at) AS day, s.name AS station, round(avg(celsius), 1) AS celsius
FROM readings JOIN stations AS s ON s.id = station_id
GROUP BY day, station
ORDER BY day;`,
  ),
  query(
    'hours',
    `-- Which hours are the warmest?
SELECT strftime('%H', at) AS hour, round(avg(celsius), 2) AS celsius
FROM readings
WHERE station_id = 1
GROUP BY hour;`,
  ),
  query(
    'all',
    `-- 26,280 readings: scroll, sort, filter, draw
SELECT * FROM readings;`,
  ),
];

const make = (/** @type {(() => {title: string, sql: string})[]} */ queries) => () => queries.map((one) => one());

/** @type {Record<string, () => {title: string, sql: string}[]>} */
export const QUERIES = { music: make(MUSIC), countries: make(COUNTRIES), weather: make(WEATHER) };

/** Make a database of this name, which there is none of yet, from a sample, and open it. @param {string} sample @param {string} name */
export async function openSampleAs(sample, name) {
  const file = await sampleFile(sample);
  await open(name, {}, (db) => db.import(file));
}

/** @param {string} sample @returns {Promise<Blob>} */
export async function sampleFile(sample) {
  const response = await fetch(`./samples/${sample}.db`);
  if (!response.ok) throw new Error(`${sample}.db: ${response.status} ${response.statusText}`);
  return response.blob();
}

/** Open a sample under a free name, with its queries. @param {string} sample */
export async function openSample(sample) {
  const name = await freeName(`${sample}.db`);
  await openSampleAs(sample, name);
  databaseName.value = name;
  await openWorkspace(name, QUERIES[sample]());
}
