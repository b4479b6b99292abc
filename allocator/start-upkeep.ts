import type { Clock } from '../lib/clock.ts';
import type { Lifecycle } from '../lib/lifecycle.ts';
import type { Logger } from '../lib/logger.ts';
import { KubernetesUpkeep } from './agones/game-server-upkeep.ts';
import type { KubernetesConnection } from './agones/kubernetes-connection.ts';
import { Draining } from './allocation/draining.ts';
import { MissingPods } from './allocation/missing-pods.ts';
import { MAX_PATCH_DELAY_MS, Ownership } from './allocation/ownership.ts';
import type { GameServers, GameServerView } from './allocation/ports.ts';
import { Reaper } from './allocation/reaper.ts';
import type { ReaperObserver } from './allocation/reaper.ts';
import { UpkeepRounds } from './allocation/upkeep.ts';
import type { AllocatorConfig } from './config.ts';

export interface UpkeepParts {
  connection: KubernetesConnection;
  gameServers: GameServers;
  /** Somebody is getting a GameServer for this session just now. */
  isPursuing: (sessionId: string) => boolean;
  /** Name of the GameServer that was answered for it, where that is known. */
  answeredWith: (sessionId: string) => string | undefined;
  observer: ReaperObserver;
  /** Whether what is known of GameServers is fresh. */
  isFresh: () => boolean;
  /** Whether it is this replica that reaps and drains. */
  isHeld: () => boolean;
  /** Whether a claim that has run out is bound nowhere, and cannot be from now on. */
  mayGiveBack: (gameServer: GameServerView) => Promise<boolean>;
  clock: Clock;
  logger: Logger;
  lifecycle: Lifecycle;
}

/** Pods that are looked for in one pass, at most. */
const MAX_POD_LOOKUPS = 10;

/** How far our clock and Agones' may be apart. */
const CLOCK_SKEW_MS = 10_000;

/** Puts together what keeps a cluster's GameServers in order, and starts it. */
export function startUpkeep(config: AllocatorConfig, parts: UpkeepParts): { reaper: Reaper; draining: Draining } {
  const { connection, gameServers, observer, isFresh, isHeld, isPursuing, answeredWith, clock, logger, lifecycle } =
    parts;
  const upkeep = new KubernetesUpkeep({ connection, clock, logger });
  const ownership = new Ownership(
    config.ALLOCATE_BY === 'Patch'
      ? MAX_PATCH_DELAY_MS
      : config.KUBERNETES_TIMEOUT_MS + config.SETTLE_MS + CLOCK_SKEW_MS,
  );
  const reaper = new Reaper({
    gameServers,
    upkeep,
    missingPods: new MissingPods({
      upkeep,
      ownership,
      clock,
      logger,
      againAfterMs: config.POD_CHECK_MS,
      maxLookups: MAX_POD_LOOKUPS,
    }),
    clock,
    logger,
    observer,
    mode: config.REAPER,
    graceMs: config.REAP_GRACE_MS,
    maxPerPass: config.REAP_MAX_PER_PASS,
    rules: {
      ownership,
      maxSessionMs: config.MAX_SESSION_SECONDS * 1000,
      noShowMarginMs: config.NO_SHOW_MARGIN_MS,
      maxDrainMs: config.MAX_DRAIN_SECONDS * 1000,
      isPursuing,
      answeredWith,
    },
    mayGiveBack: parts.mayGiveBack,
  });
  const draining = new Draining({
    gameServers,
    upkeep,
    ownership,
    clock,
    logger,
    drainsOutdated: config.DRAIN_OUTDATED,
    maxPerPass: config.REAP_MAX_PER_PASS,
  });
  const rounds = new UpkeepRounds({
    clock,
    logger,
    everyMs: config.REAP_EVERY_MS,
    isFresh,
    isHeld,
    tasks: config.REAPER === 'off' ? [draining] : [reaper, draining],
  });
  rounds.start();
  lifecycle.onStop('upkeep', () => rounds.close());
  return { reaper, draining };
}
