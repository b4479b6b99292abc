// Made by `node allocator/openapi.ts --write` from allocator/routes/schemas.ts.

export interface NewGameRequest {
  /** The player, by the caller's own name for them: 1 to 128 visible characters */
  playerId: string;
  /** Default: the only game there is, else the configured one */
  game?: string;
  /** GameServers of this region first, any other next */
  region?: string;
  /** How far regions are, in milliseconds: after `region` the nearest first, the nearest 10 at most */
  latencies?: Record<string, number>;
  /** What matching may look at. A new game of one’s own has nobody to be matched with. */
  attributes?: Record<string, string | number | boolean | string[]>;
  /** Names of GameServers that are not to be given: for a player who could not connect to one */
  exclude?: string[];
}

export interface JoinRequest {
  /** The player, by the caller's own name for them: 1 to 128 visible characters */
  playerId: string;
}

export interface ResumeRequest {
  /** The `token` of the `wsUrl` that the player has, expired or not */
  token: string;
  /** What the connection was closed with. After 4007 and 4008 the answer waits a moment until the loss is seen here too */
  closeCode?: number;
}

/** `address`, `ports`, `token` and `directWsUrl` only in direct mode */
export interface Seat {
  sessionId: string;
  /** Plays: open a WebSocket here. Whoever has it has the seat. */
  wsUrl: string;
  /** Connecting later than this is refused */
  expiresAt: string;
  /** The GameServer itself */
  address?: string;
  ports?: {
    name: string;
    port: number;
  }[];
  /** The join token to present to the GameServer itself */
  token?: string;
  /** Plays without the gateway, where game servers have TLS (`DIRECT_NAME_SUFFIX`) */
  directWsUrl?: string;
}

/** `address`, `ports`, `token` and `directWsUrl` only in direct mode */
export interface NewGame {
  sessionId: string;
  /** Plays: open a WebSocket here. Whoever has it has the seat. */
  wsUrl: string;
  /** Connecting later than this is refused */
  expiresAt: string;
  /** The GameServer itself */
  address?: string;
  ports?: {
    name: string;
    port: number;
  }[];
  /** The join token to present to the GameServer itself */
  token?: string;
  /** Plays without the gateway, where game servers have TLS (`DIRECT_NAME_SUFFIX`) */
  directWsUrl?: string;
  game: string;
  allocation: {
    /** How long it took to get the GameServer */
    durationMs: number;
    /** Name of the GameServer */
    gameServer: string;
  };
}

/** Of a session that is over only its id and state are known */
export interface Session {
  sessionId: string;
  state: 'running' | 'over';
  game?: string;
  seats?: number;
  madeAt?: string;
}

export type Regions = {
  name: string;
  /** Answers quickly, to measure how far the region is */
  pingUrl?: string;
}[];
