import type { GameServer } from '../../../lib/agones.ts';
import { CODE } from '../harness/sdk-calls.ts';
import type { SdkCalls } from '../harness/sdk-calls.ts';
import { SDK_PROTOCOLS } from '../harness/test-cluster.ts';
import type { SdkProtocol } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet, PuppetOptions } from '../puppet/puppet.ts';

const cluster = useCluster();

const OK = { code: CODE.ok, message: '', value: {} };
/** How long the sidecar gathers what is asked for; clocks and looks are not exact. */
const NEARLY_QUEUE_MS = 450;

interface Game {
  puppet: Puppet;
  sdk: SdkCalls;
}

async function game(protocol: SdkProtocol, options: PuppetOptions = { ready: true }): Promise<Game> {
  const puppet = await cluster.puppet(options, {}, { counters: { rooms: { count: 1, capacity: 10 } } });
  await cluster.inState(puppet.name, options.ready === true ? 'Ready' : 'Scheduled');
  return { puppet, sdk: cluster.sdk(puppet, protocol) };
}

/** A case for each protocol, side by side: most of their time they wait. */
function byEach(run: (protocol: SdkProtocol) => Promise<void>): () => Promise<void> {
  return async () => {
    await Promise.all(
      SDK_PROTOCOLS.map(async (protocol) => {
        try {
          await run(protocol);
        } catch (error) {
          if (error instanceof Error) error.message = `by ${protocol}: ${error.message}`;
          throw error;
        }
      }),
    );
  };
}

describe('the state a game asks for', () => {
  it(
    'is queued: the answer comes before the change, which waits half a second',
    byEach(async (protocol) => {
      const { puppet, sdk } = await game(protocol, {});
      const watch = await cluster.watchGameServer(puppet.name);
      const askedMs = Date.now();
      expect(await sdk.ready()).toEqual(OK);
      expect(watch.statesOf(puppet.name)).toEqual([]);
      await watch.until('RequestReady', ({ object }) => object.status?.state === 'RequestReady');
      expect(Date.now() - askedMs).toBeGreaterThan(NEARLY_QUEUE_MS);
      await cluster.inState(puppet.name, 'Ready');
      await watch.until('Ready', ({ object }) => object.status?.state === 'Ready');
      expect(watch.statesOf(puppet.name)).toEqual(['RequestReady', 'Ready']);
    }),
  );

  it(
    'may be Allocated before Ready, with the time of it',
    byEach(async (protocol) => {
      const { puppet, sdk } = await game(protocol, {});
      expect(await sdk.allocate()).toEqual(OK);
      const { metadata } = await cluster.inState(puppet.name, 'Allocated');
      const at = metadata.annotations?.['agones.dev/last-allocated'] ?? '';
      expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$/);
      expect(Math.abs(Date.now() - Date.parse(at))).toBeLessThan(30_000);
    }),
  );

  it(
    'is the last one of those asked for within half a second',
    byEach(async (protocol) => {
      const { puppet, sdk } = await game(protocol);
      const watch = await cluster.watchGameServer(puppet.name);
      await Promise.all([sdk.reserve(0), sdk.ready()]);
      expect(await sdk.allocate()).toEqual(OK);
      await watch.until('Allocated', ({ object }) => object.status?.state === 'Allocated');
      expect(watch.statesOf(puppet.name)).toEqual(['Allocated']);
    }),
  );

  it(
    'is Reserved for some seconds, and by itself Ready again',
    byEach(async (protocol) => {
      const { puppet, sdk } = await game(protocol);
      const watch = await cluster.watchGameServer(puppet.name);
      expect(await sdk.reserve(2)).toEqual(OK);
      const reserved = await watch.until('Reserved', ({ object }) => object.status?.state === 'Reserved');
      const reservedMs = Date.now();
      const leftMs = Date.parse((reserved.object as GameServer).status?.reservedUntil ?? '') - reservedMs;
      // The time is written in whole seconds.
      expect(leftMs).toBeGreaterThan(-500);
      expect(leftMs).toBeLessThanOrEqual(2000);
      await watch.until('RequestReady', ({ object }) => object.status?.state === 'RequestReady');
      expect(Date.now() - reservedMs).toBeGreaterThan(2000 + NEARLY_QUEUE_MS - 100);
      const ready = await cluster.inState(puppet.name, 'Ready');
      expect(ready.status?.reservedUntil).toBeNull();
      expect(watch.statesOf(puppet.name).slice(0, 2)).toEqual(['Reserved', 'RequestReady']);
    }),
  );

  it(
    'is Reserved for ever by 0 or less, and what is asked for within a Reserve holds beyond its end',
    byEach(async (protocol) => {
      const plans: { reserve: number; later?: (sdk: SdkCalls) => Promise<object>; state: string }[] = [
        { reserve: 0, state: 'Reserved' },
        { reserve: -1, state: 'Reserved' },
        { reserve: 1, later: (sdk) => sdk.allocate(), state: 'Allocated' },
        { reserve: 1, later: (sdk) => sdk.reserve(0), state: 'Reserved' },
        { reserve: 1, later: (sdk) => sdk.reserve(60), state: 'Reserved' },
      ];
      const games = await Promise.all(plans.map(() => game(protocol)));
      await Promise.all(games.map(({ sdk }, at) => sdk.reserve(plans[at]?.reserve ?? 0)));
      const reserved = await Promise.all(games.map(({ puppet }) => cluster.inState(puppet.name, 'Reserved')));
      expect(reserved.slice(0, 2).map(({ status }) => status?.reservedUntil)).toEqual([null, null]);
      const reservedMs = Date.now();
      await Promise.all(games.map(async ({ sdk }, at) => plans[at]?.later?.(sdk)));
      await cluster.eventually('the end of those of a second', () =>
        Date.now() - reservedMs > 2500 ? true : undefined,
      );
      const seen = await Promise.all(games.map(({ puppet }) => cluster.gameServer(puppet.name)));
      expect(seen.map((gameServer) => gameServer?.status?.state)).toEqual(plans.map(({ state }) => state));
      const until = seen.map((gameServer) => gameServer?.status?.reservedUntil);
      expect(until.slice(0, -1)).toEqual([null, null, null, null]);
      expect(Date.parse(until.at(-1) ?? '') - reservedMs).toBeGreaterThan(50_000);
    }),
  );

  it(
    'is Shutdown for good: what is asked for later is answered and dropped, all but states is still written',
    byEach(async (protocol) => {
      const { puppet, sdk } = await game(protocol);
      const watch = await cluster.watchGameServer(puppet.name);
      // Its last seconds are for it to use.
      await puppet.hold();
      expect(await sdk.shutdown()).toEqual(OK);
      await watch.until('its deletion', ({ object }) => object.metadata.deletionTimestamp !== undefined);
      expect(await sdk.ready()).toEqual(OK);
      expect(await sdk.setLabel('last-words', 'bye')).toEqual(OK);
      expect((await sdk.updateCounter('rooms', { countDiff: 1 })).value).toMatchObject({ count: 2 });
      await watch.until(
        'both',
        ({ object }) =>
          object.metadata.labels['agones.dev/sdk-last-words'] === 'bye' && object.status.counters.rooms.count === 2,
      );
      await cluster.eventually('SIGTERM', async () => ((await puppet.life()).signals.length > 0 ? true : undefined));
      await puppet.exit(0);
      await cluster.gone(puppet.name);
      expect(watch.statesOf(puppet.name)).toEqual(['Shutdown']);
    }),
  );
});
