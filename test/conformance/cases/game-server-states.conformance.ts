import { useCluster } from '../harness/use-cluster.ts';
import { PATHS } from '../harness/test-cluster.ts';

const cluster = useCluster();

describe('the states of a GameServer', () => {
  it('come in order from PortAllocation to Ready', async () => {
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    const { metadata } = await cluster.createPuppet({ ready: true });
    await cluster.inState(metadata.name, 'Ready');
    await watch.until(
      'Ready',
      ({ object }) => object.metadata.name === metadata.name && object.status.state === 'Ready',
    );
    expect(watch.statesOf(metadata.name)).toEqual([
      'PortAllocation',
      'Creating',
      'Starting',
      'Scheduled',
      'RequestReady',
      'Ready',
    ]);
  });

  it('stay at Scheduled until the game server says Ready', async () => {
    const puppet = await cluster.puppet();
    expect((await cluster.gameServer(puppet.name))?.status?.state).toBe('Scheduled');
    await puppet.sdk('POST', '/ready', {});
    await cluster.inState(puppet.name, 'Ready');
  });

  it('end with Shutdown when the game server asks for it, and the object goes', async () => {
    const puppet = await cluster.puppet({ ready: true });
    const watch = await cluster.watchFromNow(PATHS.gameservers);
    await puppet.sdk('POST', '/shutdown', {});
    await cluster.gone(puppet.name);
    expect(watch.statesOf(puppet.name)).toContain('Shutdown');
  });
});
