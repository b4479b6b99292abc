import { invalid, refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();

function create(spec?: object) {
  return cluster.request('POST', PATHS.leases, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: cluster.name('lease'), labels: { [RUN_LABEL]: cluster.run } },
    ...(spec === undefined ? {} : { spec }),
  });
}

const HELD = {
  holderIdentity: 'somebody',
  leaseDurationSeconds: 15,
  acquireTime: '2026-01-01T00:00:00.000000Z',
  renewTime: '2026-01-01T00:00:05.250000Z',
  leaseTransitions: 0,
};

describe('a Lease', () => {
  it('keeps who holds it and until when, to the microsecond, and counts no generation', async () => {
    const { status, body } = await create(HELD);
    expect(status).toBe(201);
    expect(body).toMatchObject({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: HELD });
    expect(body.metadata.generation).toBeUndefined();
  });

  it('may be held by nobody, and say nothing', async () => {
    expect((await create()).status).toBe(201);
    expect((await create({ holderIdentity: '' })).status).toBe(201);
  });

  it('is replaced by one of two who read the same', async () => {
    const { body } = await create(HELD);
    const path = `${PATHS.leases}/${body.metadata.name}`;
    const first = await cluster.request('PUT', path, { ...body, spec: { ...HELD, holderIdentity: 'first' } });
    expect(first.status).toBe(200);
    const second = await cluster.request('PUT', path, { ...body, spec: { ...HELD, holderIdentity: 'second' } });
    expect(refusalIn(second)).toEqual({ status: 409, reason: 'Conflict' });
    expect((await cluster.request('GET', path)).body.spec.holderIdentity).toBe('first');
  });

  it.each(['2026-01-01T00:00:00Z', '2026-01-01T00:00:00.250Z', 'soon'])(
    'does not take %j for a time: it has six digits of a second',
    async (renewTime) => {
      expect(refusalIn(await create({ ...HELD, renewTime }))).toEqual({ status: 400, reason: 'BadRequest' });
    },
  );

  it('lasts a while, and goes from one to another forwards only', async () => {
    const answer = await create({ ...HELD, leaseDurationSeconds: 0, leaseTransitions: -1 });
    expect(refusalIn(answer)).toEqual(
      invalid(['FieldValueInvalid', 'spec.leaseDurationSeconds'], ['FieldValueInvalid', 'spec.leaseTransitions']),
    );
  });

  it('is listed among the resources of its group', async () => {
    const { body } = await cluster.request('GET', '/apis/coordination.k8s.io/v1');
    expect(body.resources).toContainEqual(
      expect.objectContaining({ name: 'leases', singularName: 'lease', kind: 'Lease', namespaced: true }),
    );
  });
});
