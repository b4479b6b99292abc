import { COLOURS, escapeText, svg } from './svg.ts';

/** One small plot: what grows, or does not, with a number. */
export interface Panel {
  title: string;
  /** Of all curves. */
  unit: string;
  curves: { name: string; values: readonly number[] }[];
}

const COLUMNS = 3;
const PANEL_WIDTH = 300;
const PANEL_HEIGHT = 230;
const LEFT = 60;
const TOP = 60;
/** Within a panel, around what is drawn. */
const MARGIN = { left: 46, right: 16, top: 34, bottom: 60 };

/**
 * An SVG of several plots over the same numbers. The numbers are on a logarithmic axis, what is measured on one from 0: what
 * does not grow is a level line.
 */
export function growthPlot(title: string, numbers: readonly number[], panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const size = { width: LEFT / 2 + COLUMNS * PANEL_WIDTH + 20, height: TOP + rows * PANEL_HEIGHT };
  const drawn = panels.map((panel, index) => {
    const x = LEFT / 2 + (index % COLUMNS) * PANEL_WIDTH;
    const y = TOP + Math.floor(index / COLUMNS) * PANEL_HEIGHT;
    return `<g transform="translate(${x} ${y})">${drawPanel(panel, numbers)}</g>`;
  });
  return svg(size, title, drawn);
}

function drawPanel({ title, unit, curves }: Panel, numbers: readonly number[]): string {
  const width = PANEL_WIDTH - MARGIN.left - MARGIN.right;
  const height = PANEL_HEIGHT - MARGIN.top - MARGIN.bottom;
  const highest = niceAbove(Math.max(...curves.flatMap(({ values }) => values)));
  const [first = 1] = numbers;
  const last = numbers.at(-1) ?? first;
  const span = Math.log10(last / first) || 1;
  const x = (number: number): number => MARGIN.left + (Math.log10(number / first) / span) * width;
  const y = (value: number): number => MARGIN.top + height - (value / highest) * height;
  const grid = [
    ...[0, 0.5, 1].map((share) => {
      const at = y(share * highest);
      return (
        `<line x1="${MARGIN.left}" y1="${at}" x2="${MARGIN.left + width}" y2="${at}" stroke="#dbe4ea"/>` +
        `<text x="${MARGIN.left - 6}" y="${at + 4}" text-anchor="end" font-size="11">${label(share * highest)}</text>`
      );
    }),
    ...numbers.map(
      (number) =>
        `<text x="${x(number)}" y="${y(0) + 16}" text-anchor="middle" font-size="11">${number.toLocaleString('en')}</text>`,
    ),
  ];
  const lines = curves.map(({ values }, index) => {
    const points = values.map((value, at) => `${x(numbers[at] ?? first).toFixed(1)},${y(value).toFixed(1)}`);
    const dots = points.map((point) => {
      const [cx, cy] = point.split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${COLOURS[index % COLOURS.length]}"/>`;
    });
    return (
      `<polyline fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="2" points="${points.join(' ')}"/>` +
      dots.join('')
    );
  });
  const legend = curves.map(({ name }, index) => {
    const left = MARGIN.left + index * (width / curves.length);
    return (
      `<rect x="${left}" y="${PANEL_HEIGHT - 34}" width="12" height="4" fill="${COLOURS[index % COLOURS.length]}"/>` +
      `<text x="${left + 17}" y="${PANEL_HEIGHT - 28}" font-size="11">${escapeText(name)}</text>`
    );
  });
  const head = `<text x="${MARGIN.left}" y="18" font-weight="600">${escapeText(`${title}, ${unit}`)}</text>`;
  return [head, ...grid, ...lines, ...legend].join('');
}

/** The next of 1, 2, 5, 10, 20, … */
function niceAbove(value: number): number {
  const decade = 10 ** Math.floor(Math.log10(Math.max(value, 1e-6)));
  return decade * ([1, 2, 5].find((step) => step * decade >= value) ?? 10);
}

function label(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en');
}
