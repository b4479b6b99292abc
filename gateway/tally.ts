import type { ErrorCode } from '../lib/errors.ts';

/** What one process of the gateway has done, and holds, as plain numbers that can be sent and added up. */
export interface TallySnapshot {
  openConnections: number;
  connections: number;
  openSessions: number;
  sessions: number;
  handshakesUnderWay: number;
  bytesToClients: number;
  bytesToGameServers: number;
  /** Answers with a problem of the gateway's own, by code. */
  refusals: Record<string, number>;
  /** Connections that were reset without a word, by why. */
  drops: Record<string, number>;
  residentBytes: number;
  cpuSeconds: number;
}

/** Those that only grow: what a process has counted stays true when it has gone. */
const COUNTED = ['connections', 'sessions', 'bytesToClients', 'bytesToGameServers', 'cpuSeconds'] as const;
const HELD = ['openConnections', 'openSessions', 'handshakesUnderWay', 'residentBytes'] as const;

export function emptyTally(): TallySnapshot {
  return {
    openConnections: 0,
    connections: 0,
    openSessions: 0,
    sessions: 0,
    handshakesUnderWay: 0,
    bytesToClients: 0,
    bytesToGameServers: 0,
    refusals: {},
    drops: {},
    residentBytes: 0,
    cpuSeconds: 0,
  };
}

/** What several processes have done and hold together. */
export function addTallies(tallies: readonly TallySnapshot[]): TallySnapshot {
  const total = emptyTally();
  for (const tally of tallies) {
    for (const name of [...COUNTED, ...HELD]) total[name] += tally[name];
    for (const name of ['refusals', 'drops'] as const) {
      for (const [label, count] of Object.entries(tally[name])) total[name][label] = (total[name][label] ?? 0) + count;
    }
  }
  return total;
}

/** What is left of the tally of a process that has gone: what it counted, and nothing that it held. */
export function tallyOfGone(tally: TallySnapshot): TallySnapshot {
  return { ...tally, openConnections: 0, openSessions: 0, handshakesUnderWay: 0, residentBytes: 0 };
}

/** Counts for one process what nobody else does. */
export class Tally {
  readonly #refusals: Record<string, number> = {};
  readonly #drops: Record<string, number> = {};
  connections = 0;
  sessions = 0;
  /** Of sessions that are over. */
  bytesToClients = 0;
  bytesToGameServers = 0;

  refused(code: ErrorCode): void {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
  }

  dropped(reason: string): void {
    this.#drops[reason] = (this.#drops[reason] ?? 0) + 1;
  }

  /** @param held - what is open now, and the bytes of sessions that are */
  snapshot(held: {
    openConnections: number;
    openSessions: number;
    handshakesUnderWay: number;
    bytesToClients: number;
    bytesToGameServers: number;
  }): TallySnapshot {
    const { user, system } = process.cpuUsage();
    return {
      ...held,
      connections: this.connections,
      sessions: this.sessions,
      bytesToClients: this.bytesToClients + held.bytesToClients,
      bytesToGameServers: this.bytesToGameServers + held.bytesToGameServers,
      refusals: { ...this.#refusals },
      drops: { ...this.#drops },
      residentBytes: process.memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
    };
  }
}
