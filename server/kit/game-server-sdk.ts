import type { GameServerState } from '../../lib/agones.ts';

/** Our GameServer as the SDK shows it. */
export interface GameServerView {
  name: string;
  namespace: string;
  uid: string;
  /** Opaque: compare for equality only. */
  resourceVersion: string;
  /** A state that this version does not know arrives as it is spelled. */
  state: GameServerState | (string & {});
  /** Somebody asked for its deletion. */
  isDeleting: boolean;
  annotations: ReadonlyMap<string, string>;
  /** Agones' Lists. */
  lists: ReadonlyMap<string, { capacity: number; values: readonly string[] }>;
  /** As players reach them: host ports. Empty before the GameServer is scheduled. */
  ports: readonly { name: string; port: number }[];
  health: { isDisabled: boolean; periodMs: number; failureThreshold: number };
}

/**
 * What the kit needs of Agones' SDK: a port, so that the session life does not know gRPC.
 *
 * State changes resolve when Agones has taken note, not when they are done: wait for the state in the view.
 */
export interface GameServerSdk {
  /** The newest view there is. */
  readonly gameServer: GameServerView;
  /** Asks for a fresh view. @throws SdkCallError */
  refresh(): Promise<GameServerView>;
  /** @throws SdkCallError */
  ready(): Promise<void>;
  /** @throws SdkCallError */
  allocate(): Promise<void>;
  /** @throws SdkCallError */
  shutdown(): Promise<void>;
  /** Sets an annotation under Agones' prefix for SDKs. @throws SdkCallError */
  setAnnotation(name: string, value: string): Promise<void>;
  /**
   * Puts a value into a List. Like all changes of Lists it is written a moment later, together with others.
   *
   * @throws SdkCallError also when it is in there, or there is no place
   */
  addListValue(list: string, value: string): Promise<void>;
  /** Takes a value out of a List. @throws SdkCallError also when it is not in there */
  removeListValue(list: string, value: string): Promise<void>;
  /** Calls back on every view that differs from the one before, until cancelled by the function it gives back. */
  onChange(listener: (view: GameServerView) => void): () => void;
  /** Ends pings, watch and connection. Calls nobody back afterwards. */
  close(): void;
}

/** A call to the sidecar failed or got no answer in time; whether it took effect is unknown. */
export class SdkCallError extends Error {
  constructor(call: string, options: ErrorOptions) {
    super(`the SDK's ${call} call failed`, options);
    this.name = 'SdkCallError';
  }
}

/**
 * Waits until the view satisfies a condition.
 *
 * @returns whether it did before `waitMs` had passed
 */
export function waitForView(
  sdk: GameServerSdk,
  clock: { after(delayMs: number, callback: () => void): () => void },
  waitMs: number,
  isSatisfied: (view: GameServerView) => boolean,
): Promise<boolean> {
  if (isSatisfied(sdk.gameServer)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const finish = (satisfied: boolean): void => {
      cancelTimer();
      stopListening();
      resolve(satisfied);
    };
    const cancelTimer = clock.after(waitMs, () => {
      finish(false);
    });
    const stopListening = sdk.onChange((view) => {
      if (isSatisfied(view)) finish(true);
    });
  });
}
