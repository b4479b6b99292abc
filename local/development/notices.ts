import type { GameServer, GameServerHealth } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ObjectStore } from '../api/store.ts';
import type { CoreEvent } from '../controllers/event-recorder.ts';
import { GAME_SERVER_LABEL } from '../controllers/pods.ts';
import type { Pod } from '../controllers/pods.ts';
import type { ProgramEnd } from '../node/program-end.ts';
import { isBeforeReady, isBeingDeleted, isTerminal } from '../resources/game-server-state.ts';

export interface NoticesOptions {
  store: ObjectStore;
  clock: Clock;
  /** What a container printed last. */
  lastLines(namespace: string, pod: string, container: string, count: number): string[];
  /** A game that runs for so long without a call of Ready is told of. */
  readyWithinMs: number;
  /** A word for people: lines, the first of which says what happened. */
  tell(notice: string): void;
}

/** What has happened to one GameServer will happen to the next of the same program: it is told again after so long. */
const TELL_AGAIN_MS = 60_000;
const MAX_REMEMBERED = 200;
const SHOWN_LINES = 10;

/** How Node, libc, Go, Java and Windows say it. */
const PORT_TAKEN = /EADDRINUSE|address already in use|only one usage of each socket address/i;
const PORT_HINT = [
  '  a port it listens on is taken: GameServers of one machine share its ports, so a game listens on the one that',
  '  GetGameServer() of the SDK answers in status.ports, with portPolicy Dynamic or Passthrough',
];

/** Warnings that say why a GameServer does not start. */
const TOLD_EVENTS: ReadonlySet<string> = new Set([
  'Failed',
  'FailedMount',
  'FailedScheduling',
  'PortAllocation',
  'Error',
]);

/**
 * Says what a game developer has to know and would otherwise look for: a program that ends before it is Ready, one that
 * never calls Ready or Health, a Pod that cannot start.
 */
export class Notices {
  readonly #options: NoticesOptions;
  /** When it was told, by what is the same each time. */
  readonly #toldMs = new Map<string, number>();
  /** Ends the wait for Ready, by the uid of the Pod. */
  readonly #waits = new Map<string, () => void>();
  readonly #unsubscribe: (() => void)[];

  constructor(options: NoticesOptions) {
    this.#options = options;
    const { store } = options;
    this.#unsubscribe = [
      store.subscribe<Pod>('pods', ({ type, object, previous }) => {
        const { uid = '' } = object.metadata;
        if (type === 'DELETED') this.#endWait(uid);
        else if (object.status?.phase === 'Running' && previous?.status?.phase !== 'Running') this.#awaitReady(object);
      }),
      store.subscribe<CoreEvent>('events', ({ object }) => {
        this.#event(object);
      }),
    ];
  }

  /** For the node: a process ended by itself. */
  programEnded({ pod, container, program, exit, ranMs }: ProgramEnd): void {
    const gameServer = this.#gameServerOf(pod);
    if (gameServer === undefined || isBeingDeleted(gameServer) || isTerminal(gameServer)) return;
    const beforeReady = isBeforeReady(gameServer);
    if (!beforeReady && exit.exitCode === 0) return;
    const { name, namespace = 'default' } = pod.metadata;
    const how = exit.signal === undefined ? `with exit code ${exit.exitCode}` : `by signal ${exit.signal}`;
    const when = beforeReady ? 'before it was Ready' : `while it was ${gameServer.status?.state}`;
    const lines = this.#options.lastLines(namespace, name, container.name, SHOWN_LINES);
    this.#tell(
      `ended ${container.image} ${exit.exitCode}`,
      [
        `${name}: the program ended ${how} after ${(ranMs / 1000).toFixed(1)} s, ${when}`,
        `  image    ${container.image}`,
        `  command  ${[program.file, ...program.args].join(' ')}`,
        `  in       ${program.directory}`,
        ...(lines.some((line) => PORT_TAKEN.test(line)) ? PORT_HINT : []),
        ...(lines.length === 0
          ? ['  it printed nothing']
          : ['  it printed at last', ...lines.map((line) => `    ${line}`)]),
      ].join('\n'),
    );
  }

  /** For the SDK server: no ping came for so long that the GameServer is Unhealthy. */
  fellSilent(gameServer: GameServer, everPinged: boolean): void {
    const { metadata, spec } = gameServer;
    const { periodSeconds = 5, failureThreshold = 3 }: GameServerHealth = spec.health ?? {};
    const what = everPinged
      ? `Health() of the SDK was not called for ${periodSeconds * failureThreshold} s`
      : 'its program never called Health() of the SDK (by REST: POST /health with the body {})';
    this.#tell(
      `silent ${imagesOf(gameServer)} ${everPinged}`,
      `${metadata.name}: becomes Unhealthy: ${what}\n` +
        `  call it at least every ${periodSeconds} s (spec.health.periodSeconds), or set spec.health.disabled: true`,
    );
  }

  /** What was told is told again when it happens again, e.g. because the program has changed. */
  forget(): void {
    this.#toldMs.clear();
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const end of this.#waits.values()) end();
    this.#waits.clear();
  }

  #awaitReady(pod: Pod): void {
    const { clock, readyWithinMs } = this.#options;
    const { uid = '', name } = pod.metadata;
    if (this.#gameServerOf(pod) === undefined) return;
    this.#endWait(uid);
    const end = clock.after(readyWithinMs, () => {
      this.#waits.delete(uid);
      const gameServer = this.#gameServerOf(pod);
      if (gameServer === undefined || !isBeforeReady(gameServer) || isBeingDeleted(gameServer)) return;
      this.#tell(
        `never ready ${imagesOf(gameServer)}`,
        `${name}: has run for ${readyWithinMs / 1000} s and not called Ready() of the SDK yet\n` +
          '  the SDK is on localhost, at the ports in AGONES_SDK_GRPC_PORT and AGONES_SDK_HTTP_PORT, not always at 9357 and 9358',
      );
    });
    this.#waits.set(uid, end);
  }

  #endWait(uid: string): void {
    this.#waits.get(uid)?.();
    this.#waits.delete(uid);
  }

  #event({ type, reason, message, involvedObject }: CoreEvent): void {
    if (type !== 'Warning' || !TOLD_EVENTS.has(reason)) return;
    this.#tell(`event ${reason} ${message}`, `${involvedObject.name}: ${message}`);
  }

  #tell(same: string, notice: string): void {
    const { clock, tell } = this.#options;
    const toldMs = this.#toldMs.get(same);
    if (toldMs !== undefined && clock.nowMs() - toldMs < TELL_AGAIN_MS) return;
    this.#toldMs.delete(same);
    this.#toldMs.set(same, clock.nowMs());
    const oldest = this.#toldMs.keys().next().value;
    if (this.#toldMs.size > MAX_REMEMBERED && oldest !== undefined) this.#toldMs.delete(oldest);
    tell(notice);
  }

  #gameServerOf({ metadata }: Pod): GameServer | undefined {
    const name = metadata.labels?.[GAME_SERVER_LABEL];
    if (name === undefined) return undefined;
    return this.#options.store.find<GameServer>('gameservers', metadata.namespace ?? 'default', name);
  }
}

function imagesOf({ spec }: GameServer): string {
  return spec.template.spec.containers.map(({ image }) => image).join(' ');
}
