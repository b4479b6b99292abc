import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { pause } from '../../lib/pause.ts';
import { RESUME_SUBPROTOCOL } from '../../lib/resume-protocol.ts';
import { admitPlayer } from './admission.ts';
import type { SeatCheck } from './admission.ts';
import type { Game } from './game.ts';
import { waitForView } from './game-server-sdk.ts';
import type { GameServerSdk } from './game-server-sdk.ts';
import type { KitConfig } from './kit-config.ts';
import { PlayerConnection } from './player-connection.ts';
import type { GameServerLife, LifePhase } from './game-server-life.ts';
import type { RunningSession } from './running-session.ts';
import { SessionLife } from './session-life.ts';
import { SharedSessionLife } from './shared-session-life.ts';
import { isShared } from './session-list.ts';
import { WebSocketDoor } from './web-socket-door.ts';
import type { Admitted, CertificateSource, Knock } from './web-socket-door.ts';

export interface RunGameServerOptions {
  game: Game;
  sdk: GameServerSdk;
  /** Public keys of the installation; undefined refuses every token. */
  seatCheck: SeatCheck | undefined;
  /** With them players may come to a second port without the gateway, by TLS. */
  certificates?: CertificateSource;
  config: KitConfig;
  logger: Logger;
  clock: Clock;
}

/** A game server that runs. */
export interface RunningGameServer {
  readonly port: number;
  /** Undefined without certificates. */
  readonly tlsPort: number | undefined;
  readonly phase: LifePhase;
  /** Of all sessions that run now. */
  readonly connectedPlayers: number;
  /**
   * Resolves when the GameServer has come to its end by itself: its session is over, Agones was told Shutdown, and the
   * SIGTERM that follows did not come in time. Call `stop` then.
   */
  readonly finished: Promise<void>;
  /**
   * Ends it, once: takes nobody in, lets a session in play go on within its grace, sends players away, tells Agones
   * Shutdown, waits for the answer, closes the port. The SDK stays open for its owner to close.
   */
  stop(): Promise<void>;
}

/** Tries of the last Shutdown, each of one call deadline. */
const MAX_SHUTDOWN_TRIES = 4;
/** A second try at once would meet the same fault. */
const SHUTDOWN_RETRY_MS = 500;

/**
 * Runs a game on this GameServer: opens the game port, becomes Ready, takes players to their seats in session after
 * session, or to several at once where its Fleet declares the List `sessions`, and ends as Agones wants it.
 *
 * Returns when the GameServer is Ready.
 *
 * @throws Error when the port is taken or unknown, or Agones does not make it Ready
 */
export async function runGameServer(options: RunGameServerOptions): Promise<RunningGameServer> {
  const { game, sdk, config, clock, logger } = options;
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const shutdown = once(async () => {
    // A GameServer that is Shutdown is told nothing more.
    await life.lastReport;
    await tellShutdown(options);
  });
  // A GameServer has its List from the moment it is made.
  const Life = isShared(sdk.gameServer) ? SharedSessionLife : SessionLife;
  const life: GameServerLife = new Life({
    sdk,
    game,
    config,
    clock,
    logger,
    onEndOfLife() {
      // Exiting on one's own before Agones has written the state can leave the GameServer Allocated: agones#4188.
      void shutdown().then(() => clock.after(config.terminationWaitMs, finish));
    },
  });
  const doors = await openDoors(life, options);
  const [door, tlsDoor] = doors;
  logger.info({ port: door.port, game: game.name, gameServer: sdk.gameServer.name }, 'listening');
  try {
    await life.start();
  } catch (error) {
    await closeDoors(doors);
    throw error;
  }
  return {
    port: door.port,
    tlsPort: tlsDoor?.port,
    get phase() {
      return life.phase;
    },
    get connectedPlayers() {
      return life.sessions.reduce((sum, { connectedPlayers }) => sum + connectedPlayers, 0);
    },
    finished,
    stop: once(async () => {
      life.stopAdmitting();
      await letPlayEnd(life, clock, config.stopGraceMs);
      for (const session of life.sessions) session.end('stopped');
      await shutdown();
      await closeDoors(doors);
    }),
  };
}

/** The game port, and where the GameServer has a certificate another one that speaks TLS. */
async function openDoors(
  life: GameServerLife,
  options: RunGameServerOptions,
): Promise<[WebSocketDoor, ...WebSocketDoor[]]> {
  const { game, config, logger, certificates } = options;
  const shared = {
    host: config.host,
    maxMessageBytes: game.maxMessageBytes,
    maxConnections: config.maxConnections,
    closeWaitMs: config.closeWaitMs,
    logger,
    isHealthy: () => life.phase !== 'starting',
    admit: (knock: Knock) => admit(knock, life, options),
  };
  const door = await WebSocketDoor.open({ ...shared, port: config.port ?? (await gamePort(options)) });
  if (certificates === undefined) return [door];
  try {
    const port = config.tlsPort ?? (await tlsPort(options));
    return [door, await WebSocketDoor.open({ ...shared, port, certificates })];
  } catch (error) {
    await door.close();
    throw error;
  }
}

async function closeDoors(doors: readonly WebSocketDoor[]): Promise<void> {
  await Promise.all(doors.map((door) => door.close()));
}

async function admit(knock: Knock, life: GameServerLife, options: RunGameServerOptions): Promise<Admitted> {
  const { seatCheck, config, clock } = options;
  const { isDirectAdmission } = config;
  const held = await admitPlayer(knock, { sessions: life, seatCheck, isDirectAdmission, clock });
  const { session, playerId } = held;
  return {
    accept(socket) {
      const connection: PlayerConnection = new PlayerConnection(
        socket,
        {
          onReceived: () => {
            session.noteReceived(playerId);
          },
          onMessage: (text) => session.message(playerId, text),
          onClose: () => {
            session.disconnect(playerId, connection);
          },
        },
        config,
        clock,
      );
      if (session.hasEnded) connection.close('session_ended');
      else session.connect({ ...held, isResumable: socket.protocol === RESUME_SUBPROTOCOL }, connection);
    },
    cancel() {
      session.giveBack(playerId);
    },
  };
}

/**
 * The port the GameServer was given. Where a Fleet lets Agones choose host and container port alike (Passthrough),
 * nobody but the SDK knows it, and a process that starts fast is there before Agones has written it down.
 */
async function gamePort({ sdk, clock, config }: RunGameServerOptions): Promise<number> {
  await waitForView(sdk, clock, config.stateWaitMs, ({ ports }) => ports.length > 0);
  const { ports } = sdk.gameServer;
  const port = ports.find(({ name }) => name === config.portName) ?? ports[0];
  if (port === undefined) throw new Error('the GameServer has no port: set PORT');
  return port.port;
}

/** The same for TLS: a port that was not meant for it would be that of somebody else. */
async function tlsPort({ sdk, clock, config }: RunGameServerOptions): Promise<number> {
  await waitForView(sdk, clock, config.stateWaitMs, ({ ports }) => ports.length > 0);
  const port = sdk.gameServer.ports.find(({ name }) => name === config.tlsPortName);
  if (port === undefined) throw new Error(`the GameServer has no port ${config.tlsPortName}: set TLS_PORT`);
  return port.port;
}

/** Looks at the sessions now and then: a race says by itself when it is over. */
async function letPlayEnd(life: GameServerLife, clock: Clock, graceMs: number): Promise<void> {
  const lookMs = 50;
  const isInPlay = (): boolean => life.sessions.some((session: RunningSession) => session.isInPlay);
  for (let waitedMs = 0; isInPlay() && waitedMs < graceMs; waitedMs += lookMs) {
    await pause(clock, lookMs);
  }
}

/** Agones must have it before the process goes. A sidecar that has gone for good cannot be told. */
async function tellShutdown({ sdk, clock, logger }: RunGameServerOptions): Promise<void> {
  for (let attempt = 1; attempt <= MAX_SHUTDOWN_TRIES; attempt += 1) {
    try {
      await sdk.shutdown();
      logger.info({ attempt }, 'told Agones Shutdown');
      return;
    } catch (error) {
      logger.warn({ err: error, attempt }, 'could not tell Agones Shutdown');
      await pause(clock, SHUTDOWN_RETRY_MS);
    }
  }
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}
