import type { Panel } from './growth-plot.ts';
import type { ScaleFigures } from './scale.ts';

/** Rows for a table: what was measured, with a column for each size. */
export function scaleRows(figures: readonly ScaleFigures[]): Record<string, Record<string, string>> {
  const row = (read: (figure: ScaleFigures) => number): Record<string, string> =>
    Object.fromEntries(figures.map((figure) => [figure.gameServers.toLocaleString('en'), shown(read(figure))]));
  return {
    'all Ready after, s': row(({ readySeconds }) => readySeconds),
    'all gone after, s': row(({ goneSeconds }) => goneSeconds),
    'CPU from nothing to Ready, ms each': row(({ readyCpuMsEach }) => readyCpuMsEach),
    'allocations/s, 50 at once': row(({ atOnce }) => atOnce.perSecond),
    'allocation, 50 at once: p50, ms': row(({ atOnce }) => atOnce.p50Ms),
    'allocation, 50 at once: p99, ms': row(({ atOnce }) => atOnce.p99Ms),
    'allocation, 50 at once: CPU, ms': row(({ atOnce }) => atOnce.cpuMs),
    'allocation alone: p50, ms': row(({ alone }) => alone.p50Ms),
    'allocation alone: p99, ms': row(({ alone }) => alone.p99Ms),
    'list of all, ms': row(({ lists }) => lists.allMs),
    'list of all as a table, ms': row(({ lists }) => lists.tableMs),
    'list of all in pages of 500, ms': row(({ lists }) => lists.pagesMs),
    'list by the label of one, ms': row(({ lists }) => lists.oneMs),
    'answer to event, 1 watcher: p50, ms': row(({ watch1 }) => watch1.fromAnswer.p50Ms),
    'answer to event, 1 watcher: p99, ms': row(({ watch1 }) => watch1.fromAnswer.p99Ms),
    'answer to event, 50 watchers: p50, ms': row(({ watch50 }) => watch50.fromAnswer.p50Ms),
    'answer to event, 50 watchers: p99, ms': row(({ watch50 }) => watch50.fromAnswer.p99Ms),
    'write to event, 50 watchers: p50, ms': row(({ watch50 }) => watch50.fromWrite.p50Ms),
    'write to event, 50 watchers: p99, ms': row(({ watch50 }) => watch50.fromWrite.p99Ms),
    'write with 50 watchers: CPU, ms': row(({ watch50 }) => watch50.cpuMs),
    'resident when all are Ready, MB': row(({ residentMegabytes }) => residentMegabytes),
    'beyond the size before, KB each': row(({ kilobytesPerFurtherOne }) => kilobytesPerFurtherOne ?? Number.NaN),
  };
}

/** The same as plots. */
export function scalePanels(figures: readonly ScaleFigures[]): Panel[] {
  const curve = (name: string, read: (figure: ScaleFigures) => number) => ({ name, values: figures.map(read) });
  return [
    { title: 'Allocations, 50 at once', unit: '1/s', curves: [curve('allocations', ({ atOnce }) => atOnce.perSecond)] },
    {
      title: 'Allocation',
      unit: 'ms',
      curves: [curve('p50, 50 at once', ({ atOnce }) => atOnce.p50Ms), curve('p50, alone', ({ alone }) => alone.p50Ms)],
    },
    {
      title: 'CPU',
      unit: 'ms',
      curves: [
        curve('an allocation', ({ atOnce }) => atOnce.cpuMs),
        curve('a write, 50 watch', ({ watch50 }) => watch50.cpuMs),
      ],
    },
    {
      title: 'Write to event, 50 watchers',
      unit: 'ms',
      curves: [
        curve('p50', ({ watch50 }) => watch50.fromWrite.p50Ms),
        curve('p99', ({ watch50 }) => watch50.fromWrite.p99Ms),
      ],
    },
    {
      title: 'List',
      unit: 'ms',
      curves: [
        curve('all', ({ lists }) => lists.allMs),
        curve('as table', ({ lists }) => lists.tableMs),
        curve('by label', ({ lists }) => lists.oneMs),
      ],
    },
    { title: 'Resident', unit: 'MB', curves: [curve('local', ({ residentMegabytes }) => residentMegabytes)] },
  ];
}

function shown(value: number): string {
  if (Number.isNaN(value)) return '–';
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });
}
