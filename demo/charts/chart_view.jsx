/** A result set as a chart, drawn by Observable Plot. */

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { report, trying } from '../core/notices.js';
import { number, t } from '../core/texts.js';
import { download } from '../export/save.js';
import { effectiveTheme } from '../layout/theme.js';
import { Icon } from '../layout/widgets.jsx';
import { isPlan } from '../plans/plan.js';
import { addResultView } from '../registry.js';
import { choose, kindsOf, points } from './choose.js';

const KINDS = /** @type {const} */ (['bar', 'line', 'scatter', 'histogram']);

/** @param {any} Plot @param {any[]} data @param {import('./choose.js').Choice} choice @param {{width: number, height: number, x: string, y: string, series?: string}} size */
function draw(Plot, data, { kind, series }, { width, height, x, y, series: name }) {
  const color = series >= 0 ? 'series' : undefined;
  const solid = color ?? 'var(--accent)';
  const tip = { x: 'x', y: 'y', tip: true };
  const names = new Set(kind === 'bar' ? data.map((one) => one.x) : []);
  // names that would not stand side by side stand one below the other
  const lying =
    kind === 'bar' && [...names].some((one) => typeof one === 'string' && one.length * names.size * 7 > width);
  const marks = {
    bar: () =>
      lying
        ? [Plot.barX(data, { x: 'y', y: 'x', fill: solid, tip: true, sort: { y: null } }), Plot.ruleX([0])]
        : [Plot.barY(data, { ...tip, fill: solid, sort: { x: null } }), Plot.ruleY([0])],
    line: () => [Plot.lineY(data, { ...tip, stroke: solid, z: color ?? null, strokeWidth: 1.6 })],
    scatter: () => [Plot.dot(data, { ...tip, stroke: solid, r: 3 })],
    histogram: () => [Plot.rectY(data, Plot.binX({ y: 'count' }, { x: 'x', fill: solid, tip: true })), Plot.ruleY([0])],
  }[kind]();
  const longest = Math.max(3, ...[...names].map((one) => String(one).length));
  const margin = lying ? Math.min(width / 3, longest * 7 + 14) : 60;
  const fits = Math.floor((margin - 14) / 6.6);
  const shortened = (/** @type {any} */ one) =>
    String(one).length > fits + 1 ? `${String(one).slice(0, fits)}…` : one;
  return Plot.plot({
    width,
    height: lying ? Math.max(height, names.size * 20 + 50) : height,
    marginLeft: margin,
    marginBottom: 42,
    x: { label: lying ? y : x, grid: lying },
    y: { label: kind === 'histogram' ? null : lying ? null : y, grid: !lying, ...(lying && { tickFormat: shortened }) },
    color: { legend: series >= 0, label: name },
    marks,
    style: { background: 'transparent', color: 'currentColor', fontSize: '12px', fontFamily: 'var(--sans)' },
  });
}

/** The picture by itself, with the colours that the page gives it. @param {SVGSVGElement} svg */
function standAlone(svg) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const style = getComputedStyle(svg);
  const root = getComputedStyle(document.documentElement);
  copy.style.background = 'var(--panel)';
  return new XMLSerializer()
    .serializeToString(copy)
    .replaceAll(/var\((--[a-z-]+)\)/g, (_, name) => root.getPropertyValue(name).trim().replaceAll('"', "'"))
    .replaceAll(/currentcolor/gi, style.color);
}

/** @param {HTMLElement} figure @param {'svg' | 'png'} format @param {string} name */
async function save(figure, format, name) {
  const svg = /** @type {SVGSVGElement | undefined} */ (
    [...figure.querySelectorAll('svg')].sort((a, b) => b.clientHeight - a.clientHeight)[0]
  );
  if (!svg) return;
  const blob = new Blob([standAlone(svg)], { type: 'image/svg+xml' });
  if (format === 'svg') return download(blob, `${name}.svg`);
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = new OffscreenCanvas(svg.clientWidth * 2, svg.clientHeight * 2);
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    download(await canvas.convertToBlob({ type: 'image/png' }), `${name}.png`);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @param {{set: import('../core/results.js').ResultSet}} props */
function ChartView({ set }) {
  const version = set.version.value;
  const [choice, setChoice] = useState(() => /** @type {import('./choose.js').Choice} */ (choose(set)));
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const kinds = useMemo(() => kindsOf(set), [set, version]);
  const data = useMemo(() => points(set, choice), [set, version, choice]);
  const theme = effectiveTheme.value;
  const name = (/** @type {number} */ column) => set.columns[column]?.name ?? '';
  const label = t('chart.label', { kind: t(`chart.${choice.kind}`), y: name(choice.y), x: name(choice.x) });
  useEffect(() => {
    let gone = false;
    const element = /** @type {HTMLDivElement} */ (place.current);
    const show = async () => {
      const Plot = await import('@observablehq/plot');
      if (gone || !element.clientWidth) return;
      const size = {
        width: element.clientWidth - 24,
        height: Math.max(240, element.clientHeight - 20),
        x: name(choice.x),
        y: name(choice.y),
        series: name(choice.series),
      };
      const drawn = draw(Plot, data, choice, size);
      // what it shows is told in words, and the rows are a view away
      for (const svg of [drawn, ...drawn.querySelectorAll('svg')])
        if (svg.tagName === 'svg') svg.setAttribute('aria-hidden', 'true');
      element.replaceChildren(drawn);
    };
    show().catch(report);
    const observer = new ResizeObserver(() => show().catch(report));
    observer.observe(element);
    return () => {
      gone = true;
      observer.disconnect();
    };
  }, [data, choice, theme]);
  const change = (/** @type {Partial<import('./choose.js').Choice>} */ one) => setChoice({ ...choice, ...one });
  const columns = set.columns.map(({ name }, i) => ({ name, i }));
  const field = (/** @type {'x' | 'y' | 'series'} */ key, /** @type {{name: string, i: number}[]} */ list) => (
    <label>
      <span>{t(`chart.${key}`)}</span>
      <select value={choice[key]} onChange={(event) => change({ [key]: Number(event.currentTarget.value) })}>
        {key === 'series' && <option value={-1}>{t('chart.none')}</option>}
        {list.map(({ name, i }) => (
          <option key={i} value={i} selected={choice[key] === i}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
  const total = set.rows.length;
  return (
    <div class="chart-view">
      <div class="result-bar chart-bar">
        <label>
          <span>{t('chart.kind')}</span>
          <select
            value={choice.kind}
            onChange={(event) => change({ kind: /** @type {any} */ (event.currentTarget.value) })}
          >
            {KINDS.map((kind) => (
              <option key={kind} value={kind} selected={choice.kind === kind}>
                {t(`chart.${kind}`)}
              </option>
            ))}
          </select>
        </label>
        {field('x', choice.kind === 'histogram' ? columns.filter(({ i }) => kinds[i] === 'number') : columns)}
        {choice.kind !== 'histogram' &&
          field(
            'y',
            columns.filter(({ i }) => kinds[i] === 'number'),
          )}
        {choice.kind !== 'histogram' &&
          field(
            'series',
            columns.filter(({ i }) => kinds[i] === 'text'),
          )}
        <span class="spread" />
        {data.length < total && (
          <span class="soft">{t('chart.part', { shown: number(data.length), rows: number(total) })}</span>
        )}
        {
          /** @type {const} */ (['svg', 'png']).map((format) => (
            <button
              key={format}
              type="button"
              class="quiet"
              data-save={format}
              onClick={() =>
                trying(() => save(/** @type {HTMLDivElement} */ (place.current), format, name(choice.y) || 'chart'))
              }
            >
              <Icon name="download" />
              <span>{format.toUpperCase()}</span>
            </button>
          ))
        }
      </div>
      <div ref={place} class="chart" role="img" aria-label={label}>
        <p class="empty busy">{t('chart.drawing')}</p>
      </div>
    </div>
  );
}

addResultView({ id: 'chart', applies: (set) => !isPlan(set) && choose(set) !== null, View: ChartView, order: 20 });
