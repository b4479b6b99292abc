import { COLOURS, escapeText, svg } from './svg.ts';

/** One curve of a plot: a name and what was measured, in milliseconds. */
export interface Series {
  name: string;
  valuesMs: readonly number[];
}

const WIDTH = 820;
const HEIGHT = 420;
const LEFT = 60;
const RIGHT = 24;
const TOP = 56;
const BOTTOM = 84;
/** Points of one curve: more than there are pixels would show nothing more. */
const MAX_POINTS = 400;

/**
 * An SVG of how the values are spread: for each series, which share of the runs took at most so many milliseconds.
 * The time axis is logarithmic, for the things compared differ by orders of magnitude.
 */
export function distributionPlot(title: string, series: readonly Series[]): string {
  const drawn = series.filter(({ valuesMs }) => valuesMs.length > 0);
  // Not spread into Math.min: there may be more of them than arguments can be.
  const smallest = drawn.flatMap(({ valuesMs }) => valuesMs).reduce((a, b) => Math.min(a, b), Infinity);
  const largest = drawn.flatMap(({ valuesMs }) => valuesMs).reduce((a, b) => Math.max(a, b), 0);
  const lowest = 10 ** Math.floor(Math.log10(Math.max(0.01, smallest)));
  const highest = 10 ** Math.ceil(Math.log10(Math.max(lowest * 10, largest)));
  const decades = Math.log10(highest / lowest);
  const x = (valueMs: number): number =>
    LEFT + (Math.log10(Math.max(lowest, valueMs) / lowest) / decades) * (WIDTH - LEFT - RIGHT);
  const y = (share: number): number => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);

  const timeTicks = Array.from({ length: Math.round(decades) + 1 }, (_, index) => lowest * 10 ** index);
  const grid = [
    ...timeTicks.map(
      (valueMs) =>
        `<line x1="${x(valueMs)}" y1="${y(0)}" x2="${x(valueMs)}" y2="${y(1)}"/>` +
        `<text x="${x(valueMs)}" y="${y(0) + 18}" text-anchor="middle">${label(valueMs)}</text>`,
    ),
    ...[0, 0.25, 0.5, 0.75, 1].map(
      (share) =>
        `<line x1="${LEFT}" y1="${y(share)}" x2="${WIDTH - RIGHT}" y2="${y(share)}"/>` +
        `<text x="${LEFT - 8}" y="${y(share) + 4}" text-anchor="end">${share * 100} %</text>`,
    ),
  ];
  const curves = drawn.map(({ valuesMs }, index) => {
    const sorted = valuesMs.toSorted((a, b) => a - b);
    const points = ranksToDraw(sorted.length).map(
      (rank) => `${x(sorted[rank] ?? 0).toFixed(1)},${y((rank + 1) / sorted.length).toFixed(1)}`,
    );
    return `<polyline fill="none" stroke="${COLOURS[index % COLOURS.length]}" stroke-width="2.5" points="${points.join(' ')}"/>`;
  });
  const legend = drawn.map(({ name }, index) => {
    const left = LEFT + index * ((WIDTH - LEFT - RIGHT) / drawn.length);
    return (
      `<rect x="${left}" y="${HEIGHT - 30}" width="14" height="4" fill="${COLOURS[index % COLOURS.length]}"/>` +
      `<text x="${left + 20}" y="${HEIGHT - 24}">${escapeText(name)}</text>`
    );
  });
  return svg({ width: WIDTH, height: HEIGHT }, title, [
    `<g stroke="#dbe4ea" stroke-width="1">${grid.join('').replaceAll('<text', '<text stroke="none"')}</g>`,
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 46}" text-anchor="middle">milliseconds since the click (logarithmic)</text>`,
    ...curves,
    ...legend,
  ]);
}

function label(valueMs: number): string {
  return valueMs >= 1 ? String(valueMs) : valueMs.toFixed(2);
}

/** The first, the last, and so many evenly between them. */
function ranksToDraw(count: number): number[] {
  const points = Math.min(count, MAX_POINTS);
  return Array.from({ length: points }, (_, index) => Math.round((index * (count - 1)) / Math.max(1, points - 1)));
}
