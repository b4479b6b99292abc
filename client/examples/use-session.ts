import { useEffect, useRef, useState } from 'react';
import { connect, joinSession, keepAsking, newGame, RegattaError, resumeSession } from 'regatta-client';
import type { Connection, ConnectionEnd, Seat } from 'regatta-client';

/** Where the player is. */
export type Session =
  | { state: 'none' }
  | { state: 'finding'; position?: number | undefined }
  | { state: 'playing'; sessionId: string; isInterrupted: boolean }
  | { state: 'over'; why: ConnectionEnd | RegattaError };

/** A React hook: one session at a time, found, played, and found again when its server is lost. */
export function useSession(playerId: string, onMessage: (text: string) => void) {
  const [session, setSession] = useState<Session>({ state: 'none' });
  const abort = useRef(new AbortController());
  const connection = useRef<Connection | undefined>(undefined);
  useEffect(() => () => abort.current.abort(), []);

  async function play(ask: (signal: AbortSignal) => Promise<Seat>): Promise<void> {
    abort.current.abort();
    abort.current = new AbortController();
    const { signal } = abort.current;
    setSession({ state: 'finding' });
    try {
      const onRefused = ({ position }: RegattaError): void => setSession({ state: 'finding', position });
      let seat = await keepAsking(() => ask(signal), { signal, onRefused });
      for (;;) {
        const { sessionId, wsUrl } = seat;
        const playing = (isInterrupted: boolean) => () => setSession({ state: 'playing', sessionId, isInterrupted });
        connection.current = connect(wsUrl, {
          signal,
          onMessage,
          onOpen: playing(false),
          onInterrupted: playing(true),
        });
        const end = await connection.current.ended;
        if (end.kind === 'aborted') return;
        const isLost = end.kind === 'closed' && (end.code === 4007 || end.code === 4008);
        if (!isLost) return setSession({ state: 'over', why: end });
        setSession({ state: 'finding' });
        seat = await keepAsking(() => resumeSession(sessionId, { wsUrl, closeCode: end.code, signal }), {
          signal,
          onRefused,
        });
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof RegattaError)) throw error;
      setSession({ state: 'over', why: error });
    }
  }

  return {
    session,
    newGame: () => {
      const idempotencyKey = crypto.randomUUID();
      return play((signal) => newGame({ playerId, idempotencyKey, waitSeconds: 20, signal }));
    },
    join: (sessionId: string) => play((signal) => joinSession(sessionId, { playerId, signal })),
    send: (text: string) => connection.current?.send(text) ?? false,
    leave: () => {
      abort.current.abort();
      setSession({ state: 'none' });
    },
  };
}
