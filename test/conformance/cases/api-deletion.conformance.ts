import type { KubernetesObject, OwnerReference } from '../../../lib/agones.ts';
import { refusalIn } from '../harness/refusals.ts';
import { NAMESPACE, PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const made: string[] = [];

/** ConfigMaps: nothing but the garbage collector and finalizers has a say in how they go. */
async function create(stem: string, metadata: object = {}): Promise<KubernetesObject> {
  const name = cluster.name(stem);
  made.push(name);
  const labels = { [RUN_LABEL]: cluster.run };
  return cluster.created<KubernetesObject>(CONFIG_MAPS, { metadata: { name, labels, ...metadata } });
}

function ownedBy({ metadata }: KubernetesObject, block = true): { ownerReferences: OwnerReference[] } {
  const { name, uid = '' } = metadata;
  return { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid, blockOwnerDeletion: block }] };
}

async function find({ metadata }: KubernetesObject): Promise<KubernetesObject | undefined> {
  const { status, body } = await cluster.request('GET', `${CONFIG_MAPS}/${metadata.name}`);
  return status === 404 ? undefined : (body as KubernetesObject);
}

function remove({ metadata }: KubernetesObject, options?: object) {
  return cluster.request('DELETE', `${CONFIG_MAPS}/${metadata.name}`, options);
}

function gone(object: KubernetesObject) {
  return cluster.eventually(`${object.metadata.name} gone`, async () =>
    (await find(object)) === undefined ? true : undefined,
  );
}

describe('a deletion', () => {
  afterAll(async () => {
    for (const name of made) {
      await cluster.request('PATCH', `${CONFIG_MAPS}/${name}`, { metadata: { finalizers: null } });
      await cluster.request('DELETE', `${CONFIG_MAPS}/${name}`);
    }
  });

  it('of an object that nothing holds answers a Success with its name, kind and uid', async () => {
    const object = await create('plain');
    const { status, body } = await remove(object);
    expect(status).toBe(200);
    const { name, uid } = object.metadata;
    expect(body).toMatchObject({ kind: 'Status', status: 'Success', details: { name, kind: 'configmaps', uid } });
    expect(refusalIn(await remove(object))).toEqual({ status: 404, reason: 'NotFound' });
  });

  it('of an object with a finalizer marks it; it goes with its last finalizer', async () => {
    const object = await create('held', { finalizers: ['regatta.dev/one', 'regatta.dev/two'] });
    const path = `${CONFIG_MAPS}/${object.metadata.name}`;
    const { body } = await remove(object);
    expect(body).toMatchObject({ kind: 'ConfigMap', metadata: { deletionGracePeriodSeconds: 0 } });
    const { deletionTimestamp } = body.metadata;
    expect(deletionTimestamp).toBeDefined();
    // Again changes nothing.
    expect((await remove(object)).body.metadata.deletionTimestamp).toBe(deletionTimestamp);
    const refused = await cluster.request('PATCH', path, {
      metadata: { finalizers: ['regatta.dev/one', 'regatta.dev/two', 'regatta.dev/three'] },
    });
    expect(refusalIn(refused)).toMatchObject({ status: 422, reason: 'Invalid' });
    expect(refused.body.details.causes[0]).toMatchObject({
      reason: 'FieldValueForbidden',
      field: 'metadata.finalizers',
    });
    await cluster.patched(path, { metadata: { finalizers: ['regatta.dev/one'] } });
    expect(await find(object)).toBeDefined();
    const { status } = await cluster.request('PATCH', path, { metadata: { finalizers: null } });
    expect(status).toBe(200);
    expect(await find(object)).toBeUndefined();
  });

  it('as a dry run leaves the object', async () => {
    const object = await create('kept');
    expect((await cluster.request('DELETE', `${CONFIG_MAPS}/${object.metadata.name}?dryRun=All`)).status).toBe(200);
    expect((await remove(object, { dryRun: ['All'] })).status).toBe(200);
    expect(await find(object)).toEqual(object);
  });

  it('with preconditions is a Conflict unless they hold', async () => {
    const object = await create('guarded');
    const { uid, resourceVersion } = object.metadata;
    for (const preconditions of [{ uid: 'another' }, { resourceVersion: '1' }, { uid, resourceVersion: '1' }]) {
      expect(refusalIn(await remove(object, { preconditions }))).toEqual({ status: 409, reason: 'Conflict' });
    }
    expect((await remove(object, { preconditions: { uid, resourceVersion } })).status).toBe(200);
  });

  it('takes along in the background what is owned', async () => {
    const owner = await create('owner');
    const dependent = await create('dependent', ownedBy(owner));
    const further = await create('further', ownedBy(dependent));
    await remove(owner, { propagationPolicy: 'Background' });
    expect(await find(owner)).toBeUndefined();
    await gone(dependent);
    await gone(further);
  });

  it('of orphans leaves what is owned, without its owner', async () => {
    const owner = await create('owner');
    const dependent = await create('dependent', ownedBy(owner));
    await remove(owner, { propagationPolicy: 'Orphan' });
    await gone(owner);
    const left = await cluster.eventually('the reference is gone', async () => {
      const found = await find(dependent);
      return found?.metadata.ownerReferences === undefined ? found : undefined;
    });
    expect(left).toMatchObject({ metadata: { uid: dependent.metadata.uid } });
  });

  it('in the foreground waits for what is owned and blocks it', async () => {
    const owner = await create('owner');
    const dependent = await create('dependent', { ...ownedBy(owner), finalizers: ['regatta.dev/held'] });
    const { body } = await remove(owner, { propagationPolicy: 'Foreground' });
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await cluster.eventually('the dependent is marked', async () =>
      (await find(dependent))?.metadata.deletionTimestamp === undefined ? undefined : true,
    );
    expect((await find(owner))?.metadata.deletionTimestamp).toBeDefined();
    await cluster.request('PATCH', `${CONFIG_MAPS}/${dependent.metadata.name}`, { metadata: { finalizers: null } });
    await gone(dependent);
    await gone(owner);
  });

  it('in the foreground does not wait for what does not block it', async () => {
    const owner = await create('owner');
    const dependent = await create('dependent', { ...ownedBy(owner, false), finalizers: ['regatta.dev/held'] });
    await remove(owner, { propagationPolicy: 'Foreground' });
    await gone(owner);
    expect(await find(dependent)).toBeDefined();
  });

  it('comes by itself where an owner never was', async () => {
    const owner = await create('owner');
    await gone(await create('dependent', ownedBy({ ...owner, metadata: { ...owner.metadata, uid: 'another' } })));
  });

  it('waits for the last of several owners', async () => {
    const [first, second] = [await create('owner'), await create('owner')];
    const ownerReferences = [...ownedBy(first).ownerReferences, ...ownedBy(second).ownerReferences];
    const dependent = await create('dependent', { ownerReferences });
    await remove(first);
    await cluster.eventually('one owner is left', async () =>
      (await find(dependent))?.metadata.ownerReferences?.length === 1 ? true : undefined,
    );
    await remove(second);
    await gone(dependent);
  });

  it.each<[string, object, string | undefined, string | undefined]>([
    ['an unknown policy', { propagationPolicy: 'Sideways' }, 'FieldValueNotSupported', 'propagationPolicy'],
    ['two policies', { propagationPolicy: 'Orphan', orphanDependents: true }, 'FieldValueInvalid', 'propagationPolicy'],
    ['an unknown dry run', { dryRun: ['Some'] }, 'FieldValueNotSupported', 'dryRun'],
  ])('with %s is Invalid', async (_what, options, reason, field) => {
    const object = await create('kept');
    expect(refusalIn(await remove(object, options))).toEqual({
      status: 422,
      reason: 'Invalid',
      causes: [[reason, field]],
    });
    expect(await find(object)).toEqual(object);
  });

  it('reads options from its body or from the query, never from both', async () => {
    const object = await create('gone');
    const { status } = await cluster.request('DELETE', `${CONFIG_MAPS}/${object.metadata.name}?dryRun=All`, {
      gracePeriodSeconds: 0,
    });
    expect(status).toBe(200);
    expect(await find(object)).toBeUndefined();
  });

  it('of a Fleet in the foreground ends its GameServers first', async () => {
    const { metadata } = await cluster.readyDevFleet({ replicas: 2 });
    const fleets = await cluster.watchFromNow(`${PATHS.fleets}?fieldSelector=metadata.name%3D${metadata.name}`);
    const { body } = await cluster.request('DELETE', `${PATHS.fleets}/${metadata.name}`, {
      propagationPolicy: 'Foreground',
    });
    expect(body.metadata.finalizers).toEqual(['foregroundDeletion']);
    await fleets.until('the end of the Fleet', ({ type }) => type === 'DELETED');
    expect(await cluster.gameServersOf(metadata.name)).toEqual([]);
  });

  it.each<[string, object, [string, string][]]>([
    [
      'an owner without anything',
      { ownerReferences: [{}] },
      ['apiVersion', 'kind', 'name', 'uid'].map((key) => ['FieldValueInvalid', `metadata.ownerReferences.${key}`]),
    ],
    [
      'an Event for an owner',
      { ownerReferences: [{ apiVersion: 'v1', kind: 'Event', name: 'x', uid: 'y' }] },
      [['FieldValueInvalid', 'metadata.ownerReferences']],
    ],
    [
      'two controllers',
      {
        ownerReferences: ['x', 'y'].map((uid) => ({ apiVersion: 'v1', kind: 'Pod', name: 'x', uid, controller: true })),
      },
      [['FieldValueInvalid', 'metadata.ownerReferences']],
    ],
    ['a finalizer without a domain', { finalizers: ['x'] }, [['FieldValueInvalid', 'metadata.finalizers[0]']]],
    [
      'finalizers that exclude each other',
      { finalizers: ['orphan', 'foregroundDeletion'] },
      [['FieldValueInvalid', 'metadata.finalizers']],
    ],
  ])('has rules for what holds an object: not %s', async (_what, metadata, causes) => {
    const answer = await cluster.request('POST', CONFIG_MAPS, {
      metadata: { name: cluster.name('never'), ...metadata },
    });
    expect(refusalIn(answer)).toEqual({ status: 422, reason: 'Invalid', causes });
  });
});
