import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A process as /proc has it. */
export interface SeenProcess {
  pid: number;
  parent: number;
  /** `Z` has ended and nobody has asked after it, `T` stands still. */
  state: string;
  command: string;
}

/** What a process holds. */
export interface Held {
  fileHandles: number;
  /** By what they are: `socket`, `pipe`, `file` and so on. */
  byKind: Record<string, number>;
  listeningPorts: number[];
  rssMb: number;
}

const LISTENING = '0A';
const FIELD_STATE = 0;
const FIELD_PARENT = 1;

/** Every process of the machine. Linux only. */
export function allProcesses(): SeenProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const command = commandOf(Number(name));
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (command === undefined) return [];
        return [{ pid: Number(name), state: fields[FIELD_STATE] ?? '', parent: Number(fields[FIELD_PARENT]), command }];
      } catch {
        // It has ended since.
        return [];
      }
    });
}

/** The command line of a process; empty when it has ended and nobody has asked after it, undefined when there is none. */
export function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return undefined;
  }
}

/** What a process holds now. Linux only. */
export function held(pid: number): Held {
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(join(`/proc/${pid}/fd`, name))];
    } catch {
      // Closed since.
      return [];
    }
  });
  const byKind: Record<string, number> = {};
  for (const link of links) {
    const kind = link.startsWith('/') ? 'file' : (link.split(':')[0] ?? '');
    byKind[kind] = (byKind[kind] ?? 0) + 1;
  }
  const inodes = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const [, rssKb = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return {
    fileHandles: links.length,
    byKind,
    listeningPorts: listeningPorts(pid, inodes),
    rssMb: Math.round(Number(rssKb) / 102.4) / 10,
  };
}

function listeningPorts(pid: number, inodes: ReadonlySet<string>): number[] {
  const lines = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1),
  );
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    return state === LISTENING && inodes.has(inode) ? [Number.parseInt(local.split(':')[1] ?? '', 16)] : [];
  });
}
