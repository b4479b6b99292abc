import type { GameServerSet } from '../../../lib/agones.ts';
import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

const pathOf = (set: GameServerSet) => `${PATHS.gameserversets}/${set.metadata.name}`;

async function onlySetOf(fleet: string): Promise<GameServerSet> {
  const sets = await cluster.gameServerSetsOf(fleet);
  expect(sets).toHaveLength(1);
  return sets[0]!;
}

function namesOf(gameServers: { metadata: { name: string } }[]): string[] {
  return gameServers.map(({ metadata }) => metadata.name).toSorted();
}

/** A GameServerSet that no Fleet made. */
function loneSet(spec: object = {}, name = cluster.name('set')) {
  return {
    apiVersion: 'agones.dev/v1',
    kind: 'GameServerSet',
    metadata: { name, labels: { [RUN_LABEL]: cluster.run } },
    spec: { replicas: 1, template: cluster.devTemplate(), ...spec },
  };
}

function gameServersOfSet(set: string) {
  return cluster.gameServers({ 'agones.dev/gameserverset': set });
}

describe('the GameServerSet of a Fleet', () => {
  it('is named and owned by it, and has its template, labels and annotations', async () => {
    const allocationOverflow = { labels: { drain: 'yes' } };
    const fleet = await cluster.readyDevFleet(
      {
        replicas: 2,
        scheduling: 'Distributed',
        priorities: [{ type: 'Counter', key: 'rooms', order: 'Descending' }],
        allocationOverflow,
      },
      { metadata: { labels: { berth: 'north' }, annotations: { 'regatta.dev/note': 'a' } } },
    );
    const { name, uid } = fleet.metadata;
    const set = await onlySetOf(name);
    expect(set.metadata.name).toMatch(new RegExp(`^${name}-[a-z0-9]{5}$`));
    expect(set.metadata).toMatchObject({
      generateName: `${name}-`,
      labels: { 'agones.dev/fleet': name, [RUN_LABEL]: cluster.run, berth: 'north' },
      ownerReferences: [
        { apiVersion: 'agones.dev/v1', kind: 'Fleet', name, uid, controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(Object.keys(set.metadata.labels ?? {})).toHaveLength(3);
    expect(set.metadata.annotations).toEqual(fleet.spec.template.metadata?.annotations);
    expect(set.metadata.finalizers).toBeUndefined();
    expect(set.spec).toEqual({
      replicas: 2,
      scheduling: 'Distributed',
      priorities: [{ type: 'Counter', key: 'rooms', order: 'Descending' }],
      allocationOverflow,
      template: fleet.spec.template,
    });
  });

  it('makes GameServers named and owned by it, with the labels of both and the annotations of the template', async () => {
    const fleet = await cluster.readyDevFleet(
      { replicas: 2, scheduling: 'Distributed' },
      { metadata: { labels: { berth: 'north' }, annotations: { 'regatta.dev/note': 'a' } } },
    );
    const set = await onlySetOf(fleet.metadata.name);
    const gameServers = await cluster.gameServersOf(fleet.metadata.name);
    expect(gameServers).toHaveLength(2);
    for (const { metadata, spec } of gameServers) {
      expect(metadata.name).toMatch(new RegExp(`^${set.metadata.name}-[a-z0-9]{5}$`));
      expect(metadata.generateName).toBe(`${set.metadata.name}-`);
      expect(metadata.labels).toEqual({
        'agones.dev/fleet': fleet.metadata.name,
        'agones.dev/gameserverset': set.metadata.name,
        [RUN_LABEL]: cluster.run,
        berth: 'north',
      });
      expect(metadata.annotations).toMatchObject({
        'regatta.dev/note': 'a',
        'agones.dev/sdk-version': expect.stringMatching(/^1\.57\./),
      });
      expect(metadata.ownerReferences).toEqual([
        {
          apiVersion: 'agones.dev/v1',
          kind: 'GameServerSet',
          name: set.metadata.name,
          uid: set.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
      expect(metadata.finalizers).toEqual(['agones.dev/controller']);
      expect(spec.scheduling).toBe('Distributed');
    }
  });

  it('is told of by an event about the Fleet, its GameServers by events about it', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const set = await onlySetOf(fleet.metadata.name);
    const reasons = await cluster.eventually('the events', async () => {
      const [ofFleet, ofSet] = await Promise.all([
        cluster.eventsAbout(fleet.metadata.name, 'Fleet'),
        cluster.eventsAbout(set.metadata.name, 'GameServerSet'),
      ]);
      return ofFleet.length > 0 && ofSet.length > 1
        ? [ofFleet, ofSet].map((events) => events.map(({ type, reason }) => `${type} ${reason}`))
        : undefined;
    });
    expect(reasons).toEqual([['Normal CreatingGameServerSet'], ['Normal SuccessfulCreate', 'Normal SuccessfulCreate']]);
  });

  it('gets its number from the Fleet again when somebody else changes it', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const set = await onlySetOf(fleet.metadata.name);
    const before = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    const watch = await cluster.watchFromNow(PATHS.gameserversets);
    await cluster.patched(pathOf(set), { spec: { replicas: 4 } });
    await watch.until('the old number', ({ object }) => {
      return object.metadata.name === set.metadata.name && object.spec.replicas === 2;
    });
    await cluster.fleetSettled(fleet.metadata.name, 2);
    expect(before).toHaveLength(2);
    expect(await onlySetOf(fleet.metadata.name)).toMatchObject({ metadata: { uid: set.metadata.uid } });
  });

  it('is made again when somebody deletes it, and takes its GameServers with it', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 2 });
    const set = await onlySetOf(fleet.metadata.name);
    const before = namesOf(await cluster.gameServersOf(fleet.metadata.name));
    await cluster.request('DELETE', pathOf(set));
    for (const name of before) await cluster.gone(name);
    const after = await cluster.eventually('another set', async () => {
      const [found] = await cluster.gameServerSetsOf(fleet.metadata.name);
      return found?.status?.readyReplicas === 2 ? found : undefined;
    });
    expect(after.metadata.uid).not.toBe(set.metadata.uid);
    const gameServers = await cluster.gameServersOf(fleet.metadata.name);
    expect(gameServers.every(({ metadata }) => !before.includes(metadata.name))).toBe(true);
  });
});

describe('a GameServerSet', () => {
  it('of nobody makes GameServers that belong to no Fleet', async () => {
    const { metadata } = await cluster.created<GameServerSet>(PATHS.gameserversets, loneSet());
    const [gameServer] = await cluster.eventually('its GameServer', async () => {
      const found = await gameServersOfSet(metadata.name);
      return found[0]?.status?.state === 'Ready' ? found : undefined;
    });
    expect(gameServer?.metadata.labels).toMatchObject({
      'agones.dev/fleet': '',
      'agones.dev/gameserverset': metadata.name,
    });
    expect(gameServer?.spec.scheduling).toBe('Packed');
    const path = `${PATHS.gameserversets}/${metadata.name}`;
    await cluster.patched(`${path}/scale`, { spec: { replicas: 3 } });
    const set = await cluster.eventually('three', async () => {
      const { body } = await cluster.request('GET', path);
      return body.status.readyReplicas === 3 ? (body as GameServerSet) : undefined;
    });
    expect(set.status).toEqual({
      replicas: 3,
      readyReplicas: 3,
      reservedReplicas: 0,
      allocatedReplicas: 0,
      shutdownReplicas: 0,
    });
    await cluster.request('DELETE', path);
    await cluster.eventually('all gone', async () =>
      (await gameServersOfSet(metadata.name)).length === 0 ? true : undefined,
    );
  });

  it('never changes its template', async () => {
    const fleet = await cluster.readyDevFleet({ replicas: 0 });
    const set = await onlySetOf(fleet.metadata.name);
    const patch = { spec: { template: { metadata: { labels: { berth: 'south' } } } } };
    expect(refusalIn(await cluster.request('PATCH', pathOf(set), patch))).toEqual(
      invalid(['FieldValueInvalid', 'spec.template']),
    );
    expect((await onlySetOf(fleet.metadata.name)).spec.template).toEqual(set.spec.template);
  });

  it.each([
    ['without a number', { replicas: undefined }, invalid(['FieldValueRequired', 'spec.replicas'])],
    [
      'with fewer than no GameServers',
      { replicas: -1 },
      invalid(['FieldValueInvalid', 'spec.replicas'], ['FieldValueInvalid', '.spec.replicas']),
    ],
    ['without a template', { template: undefined }, invalid(['FieldValueRequired', 'spec.template'])],
    [
      'with a scheduling that is none',
      { scheduling: 'Sideways' },
      invalid(['FieldValueNotSupported', 'spec.scheduling']),
    ],
  ])('%s is refused', async (_what, spec, refusal) => {
    const answer = await cluster.request('POST', `${PATHS.gameserversets}?dryRun=All`, loneSet(spec));
    expect(refusalIn(answer)).toEqual(refusal);
  });

  it('of a name of more than 63 characters, or with a port that could not be, is refused', async () => {
    const dryRun = `${PATHS.gameserversets}?dryRun=All`;
    expect(refusalIn(await cluster.request('POST', dryRun, loneSet({}, 'b'.repeat(64))))).toEqual(
      invalid(['FieldValueTooLong', 'metadata.name']),
    );
    const ports = [{ name: 'ws', portPolicy: 'Dynamic', containerPort: 8000, hostPort: 7001 }];
    const template = cluster.devTemplate({}, { ports });
    expect(refusalIn(await cluster.request('POST', dryRun, loneSet({ template })))).toEqual(
      invalid(['FieldValueForbidden', 'spec.template.spec.ports[0].hostPort']),
    );
  });
});
