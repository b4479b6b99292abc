import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { formatSessionReport, SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import {
  CLAIM_LABEL,
  CLAIM_UNTIL_ANNOTATION,
  DRAIN_ANNOTATION,
  SESSION_KEY,
  SESSIONS_LIST,
} from '../../lib/session.ts';
import type { GameServerView } from '../allocation/ports.ts';
import type { GameServerUpkeep, UpkeepOutcome } from '../allocation/upkeep.ts';
import { guardedPatch } from './guarded-patch.ts';
import { asPortError } from './kubernetes-connection.ts';
import type { UpkeepCalls } from './kubernetes-connection.ts';
import { annotationPath, labelPath } from './marks.ts';

export interface KubernetesUpkeepOptions {
  connection: UpkeepCalls;
  clock: Clock;
  logger: Logger;
}

/**
 * Changes GameServers by patches that test their version: whatever has happened to one since it was seen, a player who
 * came, a claim that was bound, another's allocation, makes the patch fail and change nothing.
 */
export class KubernetesUpkeep implements GameServerUpkeep {
  readonly #options: KubernetesUpkeepOptions;

  constructor(options: KubernetesUpkeepOptions) {
    this.#options = options;
  }

  shutDown(gameServer: GameServerView, { isLost }: { isLost: boolean }): Promise<UpkeepOutcome> {
    const { session } = gameServer;
    const report =
      isLost && session !== undefined ? { sessionId: session.sessionId, step: 'stopped' as const } : undefined;
    return this.#patch(gameServer, [
      ...marksOf(gameServer),
      ...(report === undefined
        ? []
        : [{ op: 'add', path: annotationPath(SESSION_REPORT_ANNOTATION), value: formatSessionReport(report) }]),
      { op: 'replace', path: STATE, value: 'Shutdown' },
    ]);
  }

  giveBackClaim(gameServer: GameServerView): Promise<UpkeepOutcome> {
    return this.#patch(gameServer, [
      ...marksOf(gameServer),
      { op: 'remove', path: labelPath(CLAIM_LABEL) },
      // What is not there cannot be removed.
      { op: 'add', path: annotationPath(CLAIM_UNTIL_ANNOTATION), value: '' },
      { op: 'remove', path: annotationPath(CLAIM_UNTIL_ANNOTATION) },
      { op: 'replace', path: STATE, value: 'Ready' },
    ]);
  }

  endSession(gameServer: GameServerView, sessionId: string): Promise<UpkeepOutcome> {
    const path = `/status/lists/${SESSIONS_LIST}/values`;
    const sessionIds = gameServer.shared?.sessionIds ?? [];
    return this.#patch(gameServer, [
      { op: 'test', path, value: sessionIds },
      { op: 'replace', path, value: sessionIds.filter((each) => each !== sessionId) },
    ]);
  }

  markDraining(gameServer: GameServerView, sinceMs: number): Promise<UpkeepOutcome> {
    const value = new Date(sinceMs).toISOString();
    return this.#patch(gameServer, [{ op: 'add', path: annotationPath(DRAIN_ANNOTATION), value }]);
  }

  async hasPod({ name }: GameServerView): Promise<boolean> {
    try {
      const phase = await this.#options.connection.podPhase(name);
      // Agones ends the GameServer of a Pod that ended: one that is Allocated all the same was passed over.
      return phase !== undefined && phase !== 'Succeeded' && phase !== 'Failed';
    } catch (error) {
      throw asPortError(error);
    }
  }

  async tell(
    { name, uid, resourceVersion }: GameServerView,
    { reason, message }: { reason: string; message: string },
  ): Promise<void> {
    const { connection, clock, logger } = this.#options;
    const at = new Date(clock.nowMs());
    const event = {
      metadata: { generateName: `${name}-`, namespace: connection.namespace },
      involvedObject: {
        apiVersion: 'agones.dev/v1',
        kind: 'GameServer',
        namespace: connection.namespace,
        name,
        uid,
        resourceVersion,
      },
      reason,
      message,
      type: 'Warning',
      source: { component: 'regatta-allocator' },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    try {
      await connection.createEvent(event);
    } catch (error) {
      logger.warn({ err: error, gameServer: name, reason }, 'cannot write an Event');
    }
  }

  async #patch({ name, uid, resourceVersion }: GameServerView, operations: object[]): Promise<UpkeepOutcome> {
    const { state } = await guardedPatch(this.#options.connection, name, [
      { op: 'test', path: '/metadata/uid', value: uid },
      { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
      ...operations,
    ]);
    if (state === 'Done') return 'done';
    return state === 'Refuted' ? 'refuted' : 'unavailable';
  }
}

const STATE = '/status/state';

/** Tests that it is Allocated, and ours by what it carries. */
function marksOf({ session, claim }: GameServerView): object[] {
  return [
    { op: 'test', path: STATE, value: 'Allocated' },
    ...(session === undefined ? [] : [{ op: 'test', path: labelPath(SESSION_KEY), value: session.sessionId }]),
    ...(claim === undefined ? [] : [{ op: 'test', path: labelPath(CLAIM_LABEL), value: claim.holder }]),
  ];
}
