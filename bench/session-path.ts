import { JoinTokenIssuer } from '../lib/join-token.ts';
import type { KeySet } from '../lib/key-set.ts';

const SESSION_ID = 'abcdefghijklmnop';

export interface SessionPathOptions {
  sealing: KeySet;
  signing: KeySet;
  /** Of the game server, on this machine. */
  port: number;
  /** Seconds since the Unix epoch. */
  expiresAtSeconds: number;
}

/** Path and query with which the gateway lets a benchmark in: the session of a game server that asks for no seat. */
export async function sessionPath({ sealing, signing, port, expiresAtSeconds }: SessionPathOptions): Promise<string> {
  const madeAt = new Date().toISOString();
  const { sealed } = await new JoinTokenIssuer({ sealing, signing }).issue(
    {
      playerId: 'bench',
      gameServerUid: 'bench',
      expiresAtSeconds,
      session: {
        version: 1,
        sessionId: SESSION_ID,
        game: 'echo',
        mode: 'exclusive',
        seats: 8,
        madeAt,
        joinBy: madeAt,
      },
    },
    { address: '127.0.0.1', port },
  );
  return `/session/${SESSION_ID}?token=${sealed}`;
}
