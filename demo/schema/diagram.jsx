/** A picture of the tables and the foreign keys between them. */

import { useEffect, useState } from 'preact/hooks';
import { report, trying } from '../core/notices.js';
import { schema } from '../core/schema.js';
import { databaseName } from '../core/session.js';
import { t } from '../core/texts.js';
import { download } from '../export/save.js';
import { DialogFrame, Icon } from '../layout/widgets.jsx';
import { addCommand, addDialog, openDialog } from '../registry.js';
import { layOut } from './diagram.js';
import { showRows } from './tree.jsx';
import './diagram.css';

/** @param {{box: import('./diagram.js').Box, lit: boolean, onOpen: () => void, onLook: (on: boolean) => void}} props */
function Box({ box, lit, onOpen, onLook }) {
  const { name, x, y, width, height, columns, more } = box;
  return (
    <g
      class={`box ${lit ? 'lit' : ''}`}
      transform={`translate(${x} ${y})`}
      role="button"
      tabIndex={0}
      onClick={onOpen}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        onOpen();
      }}
      onPointerEnter={() => onLook(true)}
      onPointerLeave={() => onLook(false)}
      onFocus={() => onLook(true)}
      onBlur={() => onLook(false)}
    >
      <rect width={width} height={height} rx={6} />
      <path class="head" d={`M0,28 H${width}`} />
      <text class="name" x={10} y={19}>
        {name}
      </text>
      {columns.map((column, i) => (
        <g key={column.name}>
          <text x={10} y={46 + 20 * i}>
            {column.name}
          </text>
          <text class="mark" x={width - 8} y={46 + 20 * i} text-anchor="end">
            {column.mark}
          </text>
        </g>
      ))}
      {more > 0 && (
        <text class="mark" x={10} y={46 + 20 * columns.length}>
          {t('diagram.more', { count: more })}
        </text>
      )}
    </g>
  );
}

/** @param {import('./diagram.js').Edge} edge */
const edgeText = ({ from, to, columns, targets }) => `${from}(${columns.join(', ')}) → ${to}(${targets.join(', ')})`;

/** The picture with its colours written into it, as a file. @param {SVGSVGElement} svg @param {string} name */
function save(svg, name) {
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  const pairs = [...svg.querySelectorAll('rect, path, text')].map((one, i) => [
    one,
    copy.querySelectorAll('rect, path, text')[i],
  ]);
  for (const [one, other] of pairs) {
    const { fill, stroke, fontWeight, fontFamily, fontSize } = getComputedStyle(one);
    other.setAttribute(
      'style',
      `fill:${fill};stroke:${stroke};font:${fontWeight} ${fontSize} ${fontFamily.replaceAll('"', "'")}`,
    );
  }
  copy.setAttribute('style', `background:${getComputedStyle(svg).backgroundColor}`);
  download(new Blob([new XMLSerializer().serializeToString(copy)], { type: 'image/svg+xml' }), `${name}.svg`);
}

/** @param {{close: (value?: any) => void}} given */
function Diagram({ close }) {
  const [picture, setPicture] = useState(/** @type {import('./diagram.js').Picture | null} */ (null));
  const [looked, look] = useState('');
  useEffect(() => {
    layOut(schema.peek().tables.filter(({ type }) => type === 'table')).then(setPicture, report);
  }, []);
  const { boxes = [], edges = [], width = 0, height = 0 } = picture ?? {};
  const near = new Set(
    edges.filter(({ from, to }) => from === looked || to === looked).flatMap(({ from, to }) => [from, to]),
  );
  return (
    <DialogFrame
      title={t('diagram.title', { name: databaseName.value })}
      close={close}
      wide
      scrolls
      extra={
        <button
          type="button"
          onClick={(event) => {
            const svg = event.currentTarget.closest('dialog')?.querySelector('svg.diagram');
            if (svg) trying(() => save(/** @type {SVGSVGElement} */ (svg), databaseName.peek()));
          }}
        >
          <Icon name="download" />
          <span>SVG</span>
        </button>
      }
    >
      {!picture && <p class="busy">{t('chart.drawing')}</p>}
      {picture && (
        <svg
          class="diagram"
          xmlns="http://www.w3.org/2000/svg"
          width={width}
          height={height}
          viewBox={`0 0 ${width} ${height}`}
          role="group"
          aria-label={t('diagram.label', { tables: boxes.length, keys: edges.length })}
        >
          {edges.map((edge, i) => (
            <path
              key={i}
              class={`edge ${edge.from === looked || edge.to === looked ? 'lit' : ''}`}
              d={edge.path}
              marker-end="url(#arrow)"
            >
              <title>{edgeText(edge)}</title>
            </path>
          ))}
          <defs>
            <marker id="arrow" viewBox="0 0 10 10" refX={9} refY={5} markerWidth={8} markerHeight={8} orient="auto">
              <path class="arrow" d="M0,0 L10,5 L0,10 z" />
            </marker>
          </defs>
          {boxes.map((box) => (
            <Box
              key={box.name}
              box={box}
              lit={near.has(box.name)}
              onOpen={() => {
                close();
                showRows(box.name);
              }}
              onLook={(on) => look(on ? box.name : '')}
            />
          ))}
        </svg>
      )}
      <details>
        <summary>{t('diagram.keys', { count: edges.length })}</summary>
        <ul class="soft">
          {edges.map((edge, i) => (
            <li key={i}>{edgeText(edge)}</li>
          ))}
        </ul>
      </details>
    </DialogFrame>
  );
}

addDialog({ id: 'diagram', View: Diagram });
addCommand({
  id: 'diagram',
  group: 'database',
  icon: 'diagram',
  keys: ['Alt-d'],
  menu: true,
  run: () => openDialog('diagram'),
  enabled: () => schema.value.tables.some(({ type }) => type === 'table'),
});
