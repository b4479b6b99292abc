import type { GameServer } from '../../../lib/agones.ts';
import { CODE } from '../harness/sdk-calls.ts';
import type { SdkAnswer, SdkCalls } from '../harness/sdk-calls.ts';
import { PATHS, SDK_PROTOCOLS } from '../harness/test-cluster.ts';
import type { SdkProtocol } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';
import type { Puppet } from '../puppet/puppet.ts';

const cluster = useCluster();

const OK = { code: CODE.ok, message: '', value: {} };
const PREFIX = 'agones.dev/sdk-';
/** How long the sidecar gathers what is asked for; clocks and looks are not exact. */
const NEARLY_QUEUE_MS = 450;

/** One for all cases that keep to keys of their own. */
let puppet: Puppet;

beforeAll(async () => {
  puppet = await cluster.puppet();
});

function seen(what: string, wanted: (metadata: GameServer['metadata']) => boolean, name = puppet.name) {
  return cluster.eventually(what, async () => {
    const metadata = (await cluster.gameServer(name))?.metadata;
    return metadata !== undefined && wanted(metadata) ? metadata : undefined;
  });
}

/** Those that a game set; a version is noted under the same prefix. */
function ownKeys(map: Record<string, string> | undefined): string[] {
  return Object.keys(map ?? {}).filter((key) => key.startsWith(PREFIX) && key !== `${PREFIX}version`);
}

describe.each(SDK_PROTOCOLS)('metadata that a game sets by %s', (protocol) => {
  let sdk: SdkCalls;
  /** Keys of the two protocols do not meet. */
  const key = (name: string) => `${protocol.toLowerCase()}-${name}`;
  const fullKey = (name: string) => `${PREFIX}${key(name)}`;

  beforeAll(() => {
    sdk = cluster.sdk(puppet, protocol);
  });

  it('stands under a prefix, labels and annotations alike', async () => {
    const text = 'any {text} goes:\n"naïve" \\ ⛵';
    expect(await sdk.setLabel(key('Mode_1.a'), 'race')).toEqual(OK);
    expect(await sdk.setLabel(key('empty'), '')).toEqual(OK);
    expect(await sdk.setAnnotation(key('note'), text)).toEqual(OK);
    const { labels, annotations } = await seen(
      'all three',
      (metadata) =>
        metadata.labels?.[fullKey('Mode_1.a')] !== undefined && metadata.annotations?.[fullKey('note')] !== undefined,
    );
    expect(labels).toMatchObject({ [fullKey('Mode_1.a')]: 'race', [fullKey('empty')]: '' });
    expect(annotations).toMatchObject({ [fullKey('note')]: text });
  });

  it('is queued for half a second, and what comes in the meantime is written with it', async () => {
    const watch = await cluster.watchGameServer(puppet.name);
    const askedMs = Date.now();
    await sdk.setLabel(key('first'), '1');
    await sdk.setLabel(key('second'), '1');
    await sdk.setLabel(key('second'), '2');
    const { object } = await watch.until('one of them', ({ object: { metadata } }) =>
      [fullKey('first'), fullKey('second')].some((name) => name in metadata.labels),
    );
    expect(Date.now() - askedMs).toBeGreaterThan(NEARLY_QUEUE_MS);
    expect(object.metadata.labels).toMatchObject({ [fullKey('first')]: '1', [fullKey('second')]: '2' });
  });

  it('is there again with the next that is set, where somebody else took it away', async () => {
    await sdk.setAnnotation(key('kept'), 'here');
    await seen('the first', ({ annotations }) => annotations?.[fullKey('kept')] === 'here');
    await cluster.patched(`${PATHS.gameservers}/${puppet.name}`, {
      metadata: { annotations: { [fullKey('kept')]: null } },
    });
    await sdk.setAnnotation(key('next'), 'there');
    const { annotations } = await seen('the second', (metadata) => metadata.annotations?.[fullKey('next')] === 'there');
    expect(annotations).toMatchObject({ [fullKey('kept')]: 'here' });
  });

  it('is refused, and changed in nothing, where it cannot be a label or an annotation', async () => {
    const { labels: before, annotations: annotationsBefore } = (await cluster.gameServer(puppet.name))?.metadata ?? {};
    const badKeys = [
      '',
      'a b',
      '-a',
      'a-',
      'a'.repeat(64),
      'a/b/c',
      '/a',
      'a/',
      'Example.com/a',
      'ü',
      `${'a'.repeat(254)}/a`,
    ];
    const badValues = ['x y!', 'x'.repeat(64), '-', 'é'];
    const refused = await Promise.all([
      ...badKeys.map((bad) => sdk.setLabel(bad, 'x')),
      ...badKeys.map((bad) => sdk.setAnnotation(bad, 'x')),
      ...badValues.map((bad) => sdk.setLabel(key('good'), bad)),
    ]);
    expect(refused.map(({ code }) => code)).toEqual(refused.map(() => CODE.invalidArgument));
    await sdk.setLabel(key('after'), 'x');
    await sdk.setAnnotation(key('after'), 'x');
    const { labels, annotations } = await seen(
      'what was good',
      (metadata) =>
        metadata.labels?.[fullKey('after')] !== undefined && metadata.annotations?.[fullKey('after')] !== undefined,
    );
    expect(ownKeys(labels)).toEqual(expect.arrayContaining(ownKeys(before)));
    expect(ownKeys(labels)).toHaveLength(ownKeys(before).length + 1);
    expect(ownKeys(annotations)).toHaveLength(ownKeys(annotationsBefore).length + 1);
  });
});

describe('metadata that is good until the prefix stands before it', () => {
  const games: [string, SdkProtocol, (sdk: SdkCalls) => Promise<SdkAnswer>][] = [
    ['a label with a prefix of its own', 'gRPC', (sdk) => sdk.setLabel('example.com/mode', 'race')],
    ['a label whose name leaves no room for the prefix', 'REST', (sdk) => sdk.setLabel('m'.repeat(60), 'race')],
    ['annotations that are too large together', 'gRPC', (sdk) => sdk.setAnnotation('log', 'x'.repeat(300_000))],
  ];

  const otherKind = ({ labels, annotations }: GameServer['metadata'], at: number) =>
    games[at]?.[0].startsWith('a label') === true ? annotations : labels;

  it('is answered like any other, and nothing of its kind is written from then on', async () => {
    const puppets = await Promise.all(games.map(() => cluster.puppet()));
    const sdks = games.map(([, protocol], at) => cluster.sdk(puppets[at]!, protocol));
    expect(await Promise.all(games.map(([, , set], at) => set(sdks[at]!)))).toEqual(games.map(() => OK));
    await Promise.all(sdks.map((sdk) => sdk.setLabel('later', 'x')));
    await Promise.all(sdks.map((sdk) => sdk.setAnnotation('later', 'x')));
    const others = await Promise.all(
      puppets.map(({ name }, at) =>
        seen('the other kind', (metadata) => ownKeys(otherKind(metadata, at)).length > 0, name),
      ),
    );
    expect(others.map((metadata, at) => ownKeys(otherKind(metadata, at)))).toEqual(games.map(() => [`${PREFIX}later`]));
    const writtenMs = Date.now();
    await cluster.eventually('two more tries', () => (Date.now() - writtenMs > 1200 ? true : undefined));
    const now = await Promise.all(puppets.map(async ({ name }) => (await cluster.gameServer(name))?.metadata));
    expect([ownKeys(now[0]?.labels), ownKeys(now[1]?.labels), ownKeys(now[2]?.annotations)]).toEqual([[], [], []]);
  });
});
