import type { Fleet } from '../../../lib/agones.ts';
import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
let fleet: Fleet;
let path: string;

beforeAll(async () => {
  fleet = await cluster.readyDevFleet({ replicas: 1 });
  path = `${PATHS.fleets}/${fleet.metadata.name}/scale`;
});

beforeEach(async () => {
  await cluster.patched(`${PATHS.fleets}/${fleet.metadata.name}`, { spec: { replicas: 1 } });
  await cluster.fleetSettled(fleet.metadata.name, 1);
});

const scale = (replicas: unknown, metadata: object = {}) => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: fleet.metadata.name, namespace: fleet.metadata.namespace, ...metadata },
  spec: { replicas },
});

const wanted = async () => (await cluster.fleet(fleet.metadata.name)).spec.replicas;

describe('the scale of a Fleet', () => {
  it('is a Scale of autoscaling/v1 with what is wanted and what there is', async () => {
    const { metadata } = await cluster.fleet(fleet.metadata.name);
    const { status, body } = await cluster.request('GET', path);
    expect(status).toBe(200);
    expect(body).toEqual({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: {
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
        resourceVersion: metadata.resourceVersion,
        creationTimestamp: metadata.creationTimestamp,
      },
      spec: { replicas: 1 },
      status: { replicas: 1 },
    });
  });

  it('is put', async () => {
    const { status, body } = await cluster.request('PUT', path, scale(3));
    expect([status, body.kind, body.spec, body.status]).toEqual([200, 'Scale', { replicas: 3 }, { replicas: 1 }]);
    const { status: settled } = await cluster.fleetSettled(fleet.metadata.name, 3);
    expect(settled?.replicas).toBe(3);
    expect((await cluster.request('GET', path)).body.status).toEqual({ replicas: 3 });
  });

  it('is patched, by merge and by JSON patch, and leaves a wanted 0 out', async () => {
    const merged = await cluster.request('PATCH', path, { spec: { replicas: 2 } });
    expect([merged.status, merged.body.kind, merged.body.spec]).toEqual([200, 'Scale', { replicas: 2 }]);
    const operations = [{ op: 'replace', path: '/spec/replicas', value: 0 }];
    const patched = await cluster.request('PATCH', path, operations, { 'content-type': 'application/json-patch+json' });
    expect([patched.status, patched.body.spec]).toEqual([200, {}]);
    await cluster.fleetSettled(fleet.metadata.name, 0);
    const { body } = await cluster.request('GET', path);
    expect([body.spec, body.status]).toEqual([{}, { replicas: 0 }]);
  });

  it('that is put without a number scales to 0', async () => {
    const { status, body } = await cluster.request('PUT', path, { ...scale(0), spec: {} });
    expect([status, body.spec]).toEqual([200, {}]);
    expect(await wanted()).toBe(0);
  });

  it('changes nothing of the Fleet but its number', async () => {
    const before = await cluster.fleet(fleet.metadata.name);
    await cluster.request('PUT', path, scale(2, { labels: { berth: 'north' }, annotations: { a: 'b' } }));
    const after = await cluster.fleet(fleet.metadata.name);
    expect(after.spec).toEqual({ ...before.spec, replicas: 2 });
    expect(after.metadata.labels).toEqual(before.metadata.labels);
    expect(after.metadata.annotations).toEqual(before.metadata.annotations);
    expect(after.metadata.generation).toBe((before.metadata.generation ?? 0) + 1);
  });

  it('takes part in conflicts by its resourceVersion', async () => {
    const { body: read } = await cluster.request('GET', path);
    await cluster.patched(`${PATHS.fleets}/${fleet.metadata.name}`, {
      metadata: { labels: { moved: cluster.name('on') } },
    });
    const { resourceVersion } = read.metadata;
    expect(refusalIn(await cluster.request('PUT', path, scale(2, { resourceVersion })))).toEqual({
      status: 409,
      reason: 'Conflict',
    });
    expect(await wanted()).toBe(1);
    const { body: current } = await cluster.request('GET', path);
    const taken = await cluster.request('PUT', path, scale(2, { resourceVersion: current.metadata.resourceVersion }));
    expect(taken.status).toBe(200);
  });

  it('as a dry run is answered and not made', async () => {
    const { status, body } = await cluster.request('PATCH', `${path}?dryRun=All`, { spec: { replicas: 5 } });
    expect([status, body.spec]).toEqual([200, { replicas: 5 }]);
    expect(await wanted()).toBe(1);
  });

  it('below 0 is refused', async () => {
    const refusal = invalid(['FieldValueInvalid', 'spec.replicas'], ['FieldValueInvalid', '.spec.replicas']);
    expect(refusalIn(await cluster.request('PATCH', path, { spec: { replicas: -1 } }))).toEqual(refusal);
    expect(refusalIn(await cluster.request('PUT', path, scale(-1)))).toEqual(refusal);
    expect(await wanted()).toBe(1);
  });

  it.each([
    ['that is text', 'two'],
    ['that is a fraction', 1.5],
    ['above what 32 bits hold', 3_000_000_000],
  ])('with a number %s is refused', async (_what, replicas) => {
    expect(refusalIn(await cluster.request('PUT', path, scale(replicas)))).toEqual({
      status: 400,
      reason: 'BadRequest',
    });
    expect(refusalIn(await cluster.request('PATCH', path, { spec: { replicas } }))).toEqual(
      invalid(['FieldValueInvalid', 'patch']),
    );
    expect(await wanted()).toBe(1);
  });

  it('without a name, of another name, or that is no Scale, is a BadRequest', async () => {
    const refusal = { status: 400, reason: 'BadRequest' };
    for (const name of [undefined, 'another']) {
      expect(refusalIn(await cluster.request('PUT', path, scale(2, { name })))).toEqual(refusal);
    }
    expect(
      refusalIn(await cluster.request('PUT', path, { ...scale(2), apiVersion: 'agones.dev/v1', kind: 'Fleet' })),
    ).toEqual(refusal);
    expect(refusalIn(await cluster.request('PATCH', path, { kind: 'Fleet' }))).toEqual(
      invalid(['FieldValueInvalid', 'patch']),
    );
    expect(await wanted()).toBe(1);
  });

  it('is there for a Fleet that is there, to read and to write', async () => {
    const missing = { status: 404, reason: 'NotFound' };
    const nowhere = `${PATHS.fleets}/none-${cluster.run}/scale`;
    expect(refusalIn(await cluster.request('GET', nowhere))).toEqual(missing);
    expect(refusalIn(await cluster.request('PATCH', nowhere, { spec: { replicas: 1 } }))).toEqual(missing);
    expect((await cluster.request('DELETE', path)).status).toBe(405);
    expect((await cluster.request('POST', path, scale(1))).status).toBe(405);
  });

  it('is patched by no other type', async () => {
    const type = { 'content-type': 'application/strategic-merge-patch+json' };
    expect(refusalIn(await cluster.request('PATCH', path, { spec: { replicas: 2 } }, type))).toEqual({
      status: 415,
      reason: 'UnsupportedMediaType',
    });
  });
});
