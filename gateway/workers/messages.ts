import type { ConnectionOrigin } from '../connections.ts';
import type { TallySnapshot } from '../tally.ts';

/** What the supervisor says to a worker. A socket comes with the first, unless its client has gone meanwhile. */
export type ToWorker =
  | {
      take: number;
      /** Undefined: the worker is to find out, for it begins with a PROXY header. */
      origin: ConnectionOrigin | undefined;
    }
  | { drain: true };

/** What a worker says to the supervisor. */
export type FromWorker =
  | { ready: true; certificateExpiresAtMs: number | undefined }
  /** It takes no more connections, and is about to end. */
  | { leaving: true }
  /** Connections that have ended, by the numbers under which they were given. */
  | { closed: number[] }
  | { tally: TallySnapshot; certificateExpiresAtMs: number | undefined };
