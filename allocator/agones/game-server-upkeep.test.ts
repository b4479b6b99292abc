import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { CLAIM_LABEL, CLAIM_UNTIL_ANNOTATION, DRAIN_ANNOTATION, GAME_LABEL } from '../../lib/session.ts';
import type { GameServerView } from '../allocation/ports.ts';
import { KubernetesEndpoint } from '../testing/kubernetes-endpoint.ts';
import { addHolding, testSession } from '../testing/marked-game-servers.ts';
import { KubernetesUpkeep } from './game-server-upkeep.ts';
import { viewOf } from './game-server-view.ts';
import { GAME_SERVERS, KubernetesConnection } from './kubernetes-connection.ts';
import { gameServerSchema } from './wire.ts';

let kubernetes: KubernetesEndpoint;
let connection: KubernetesConnection;
let upkeep: KubernetesUpkeep;
let directory: string;

beforeEach(async () => {
  kubernetes = await KubernetesEndpoint.start();
  directory = mkdtempSync(join(tmpdir(), 'regatta-upkeep-'));
  const kubeconfigFile = join(directory, 'kubeconfig');
  writeFileSync(kubeconfigFile, kubernetes.kubeconfig);
  connection = new KubernetesConnection({ kubeconfigFile, namespace: 'default', callTimeoutMs: 2000 });
  upkeep = new KubernetesUpkeep({ connection, clock: systemClock, logger: silentLogger });
});

afterEach(async () => {
  await connection.close();
  await kubernetes.close();
  rmSync(directory, { recursive: true });
});

async function seen(name: string): Promise<GameServerView> {
  const raw = await connection.get(GAME_SERVERS, name);
  return viewOf(gameServerSchema.parse(raw), { addressType: 'PodIP', portName: 'game' }, 'default');
}

function addClaimed(until: Record<string, string>): void {
  kubernetes.addGameServer('boats-0', 'boat-race', {
    state: 'Allocated',
    labels: { [CLAIM_LABEL]: 'regatta' },
    annotations: { 'agones.dev/last-allocated': '2027-01-15T08:00:00Z', ...until },
  });
}

const UNTIL = { [CLAIM_UNTIL_ANNOTATION]: '2027-01-15T08:01:00.000Z' };

describe('a change to a GameServer', () => {
  it('is made while it is as it was seen, and not once it is not', async () => {
    addHolding(kubernetes, 'boats-0', testSession('a'));
    const before = await seen('boats-0');
    expect(await upkeep.markDraining(before, Date.parse('2027-01-15T08:00:00Z'))).toBe('done');
    expect(kubernetes.gameServer('boats-0')?.metadata.annotations[DRAIN_ANNOTATION]).toBe('2027-01-15T08:00:00.000Z');
    expect(await upkeep.shutDown(before, { isLost: false })).toBe('refuted');
    expect(await upkeep.markDraining(before, 0)).toBe('refuted');
    expect(kubernetes.gameServer('boats-0')?.status?.state).toBe('Allocated');
    expect(await upkeep.shutDown(await seen('boats-0'), { isLost: false })).toBe('done');
    expect(kubernetes.gameServer('boats-0')?.status?.state).toBe('Shutdown');
  });

  it('is not made to one that has come back under the same name, or has gone', async () => {
    addHolding(kubernetes, 'boats-0', testSession('a'));
    const before = await seen('boats-0');
    kubernetes.delete('boats-0');
    expect(await upkeep.shutDown(before, { isLost: false })).toBe('refuted');
    kubernetes.addGameServer('boats-0', 'boat-race', { uid: 'another' });
    expect(await upkeep.shutDown(before, { isLost: false })).toBe('refuted');
    expect(kubernetes.gameServer('boats-0')?.status?.state).toBe('Ready');
  });

  it('says for a game server that can say nothing any more that its session was cut short', async () => {
    addHolding(kubernetes, 'boats-0', testSession('a'));
    const before = await seen('boats-0');
    expect(await upkeep.shutDown(before, { isLost: true })).toBe('done');
    const { report, state } = await seen('boats-0');
    expect(state).toBe('Shutdown');
    expect(report).toEqual({ sessionId: before.session?.sessionId, step: 'stopped' });
  });

  it('may or may not be made when Kubernetes does not answer', async () => {
    addHolding(kubernetes, 'boats-0', testSession('a'));
    const before = await seen('boats-0');
    kubernetes.isDown = true;
    expect(await upkeep.shutDown(before, { isLost: false })).toBe('unavailable');
  });

  it.each([
    ['says until when', UNTIL],
    ['does not', {}],
  ])('makes a claimed one Ready whose claim %s', async (_what, until) => {
    addClaimed(until);
    expect(await upkeep.giveBackClaim(await seen('boats-0'))).toBe('done');
    const { metadata, status } = kubernetes.gameServer('boats-0') ?? {};
    expect(status?.state).toBe('Ready');
    expect(metadata?.labels).toEqual({ [GAME_LABEL]: 'boat-race', 'agones.dev/fleet': 'boats' });
    expect(metadata?.annotations).not.toHaveProperty([CLAIM_UNTIL_ANNOTATION]);
  });

  it('takes one session off a shared one, and leaves the others', async () => {
    kubernetes.addGameServer('boats-0', 'boat-race', {
      state: 'Allocated',
      capacity: 10,
    });
    kubernetes.setSessions('boats-0', ['a', 'b', 'c']);
    const before = await seen('boats-0');
    expect(await upkeep.endSession(before, 'b')).toBe('done');
    expect((await seen('boats-0')).shared?.sessionIds).toEqual(['a', 'c']);
    expect(await upkeep.endSession(before, 'c')).toBe('refuted');
  });
});

describe('the Pod of a GameServer', () => {
  it('is there, or has gone', async () => {
    kubernetes.addGameServer('boats-0', 'boat-race');
    const gameServer = await seen('boats-0');
    expect(await upkeep.hasPod(gameServer)).toBe(true);
    kubernetes.missingPods.add('boats-0');
    expect(await upkeep.hasPod(gameServer)).toBe(false);
    kubernetes.isDown = true;
    await expect(upkeep.hasPod(gameServer)).rejects.toMatchObject({ name: 'KubernetesDown' });
  });
});
