import { readdirSync, readFileSync } from 'node:fs';

const CLOCK_TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;
const KILOBYTES_PER_MEGABYTE = 1024;

/** What one process has taken until now. Reads /proc, so it needs Linux. */
export function usageOf(processId: number): { residentBytes: number; cpuSeconds: number } {
  const fields = statFields(processId);
  const residentPages = Number(readFileSync(`/proc/${processId}/statm`, 'utf8').split(' ')[1]);
  return {
    residentBytes: residentPages * PAGE_BYTES,
    // 12 and 13 are user and system time.
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND,
  };
}

export interface Memory {
  processes: number;
  /** What each has in memory: pages that several share count for each. */
  residentMegabytes: number;
  /** The same, with shared pages divided among those that share them. */
  proportionalMegabytes: number;
}

/** What processes take together. Reads /proc, so it needs Linux. */
export function memoryOf(processIds: readonly number[]): Memory {
  const total = (field: string): number =>
    processIds
      .map((id) => Number(new RegExp(`^${field}: +(\\d+) kB`, 'm').exec(readRollup(id))?.[1] ?? 0))
      .reduce((sum, kilobytes) => sum + kilobytes / KILOBYTES_PER_MEGABYTE, 0);
  return { processes: processIds.length, residentMegabytes: total('Rss'), proportionalMegabytes: total('Pss') };
}

/** A process and all that it, and they, started. */
export function processTree(root: number): number[] {
  const parents = readdirSync('/proc')
    .map(Number)
    .filter(Number.isInteger)
    .map((id) => ({ id, parent: parentOf(id) }));
  const tree = [root];
  for (const id of tree) tree.push(...parents.filter(({ parent }) => parent === id).map((child) => child.id));
  return tree;
}

function readRollup(processId: number): string {
  return readFileSync(`/proc/${processId}/smaps_rollup`, 'utf8');
}

function parentOf(processId: number): number | undefined {
  try {
    return Number(statFields(processId)[1]);
  } catch {
    // It has ended since the folder was read.
    return undefined;
  }
}

/** Fields are counted from behind the name in brackets, which may hold blanks. */
function statFields(processId: number): string[] {
  const stat = readFileSync(`/proc/${processId}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
