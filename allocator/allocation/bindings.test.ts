import { ManualClock } from '../../lib/clock.ts';
import type { SessionDescriptor } from '../../lib/session.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { Bindings } from './bindings.ts';

const session: SessionDescriptor = {
  version: 1,
  sessionId: 'abcdefghijklmnop',
  game: 'boat-race',
  mode: 'exclusive',
  seats: 8,
  madeAt: '2027-01-15T08:00:00.000Z',
  joinBy: '2027-01-15T08:01:00.000Z',
};

function bindingsOf(...clusters: string[]): Bindings[] {
  const store = new MemoryStore({ clock: new ManualClock(), maxEntries: 100 });
  return clusters.map((cluster) => new Bindings({ store, cluster, keptMs: 60_000 }));
}

describe('bindings of several clusters in one store', () => {
  it('give a session a claim in one of them alone, and say which', async () => {
    const [east, west] = bindingsOf('east', 'west');
    const claim = (claimId: string) => ({ claimId, gameServerName: 'boats-1', session });
    expect(await east!.bind(claim('east-claim'))).toEqual({ state: 'bound' });
    expect(await west!.bind(claim('west-claim'))).toEqual({ state: 'elsewhere', cluster: 'east' });
    expect(await east!.find(session.sessionId)).toMatchObject({ cluster: 'east', claimId: 'east-claim' });
    // It is not theirs to find, for they could not tell that its GameServer has not gone.
    expect(await west!.find(session.sessionId)).toBeUndefined();
    expect(await west!.giveUp('west-claim')).toBeUndefined();
  });

  it('let another one have it when the claim was lost to another session', async () => {
    const [east, west] = bindingsOf('east', 'west');
    await east!.giveUp('east-claim');
    expect(await east!.bind({ claimId: 'east-claim', gameServerName: 'boats-1', session })).toEqual({ state: 'taken' });
    expect(await west!.bind({ claimId: 'west-claim', gameServerName: 'boats-2', session })).toEqual({ state: 'bound' });
  });
});
