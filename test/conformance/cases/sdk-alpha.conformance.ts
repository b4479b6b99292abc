import { CODE } from '../harness/sdk-calls.ts';
import { SDK_PROTOCOLS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

let puppet: Puppet;

beforeAll(async () => {
  puppet = await cluster.puppet();
});

describe.each(SDK_PROTOCOLS)('player tracking by %s', (protocol) => {
  it('is off, and every call of it says so', async () => {
    const sdk = cluster.sdk(puppet, protocol);
    const answers = await Promise.all([
      sdk.playerConnect('ann'),
      sdk.playerDisconnect('ann'),
      sdk.isPlayerConnected('ann'),
      sdk.isPlayerConnected(''),
      sdk.getConnectedPlayers(),
      sdk.getPlayerCount(),
      sdk.getPlayerCapacity(),
      sdk.setPlayerCapacity(5),
    ]);
    for (const answer of answers) {
      expect(answer).toEqual({ code: CODE.unknown, message: 'PlayerTracking not enabled' });
    }
  });
});

describe('a GameServer without player tracking', () => {
  it('has no players', async () => {
    const { body } = await puppet.sdk('GET', '/gameserver');
    expect(body.status.players).toBeNull();
    expect((await cluster.gameServer(puppet.name))?.status).toMatchObject({ players: null });
  });
});
