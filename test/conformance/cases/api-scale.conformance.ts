import { refusalIn } from '../harness/refusals.ts';
import type { Refusal } from '../harness/refusals.ts';
import { PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const BAD: Refusal = { status: 400, reason: 'BadRequest' };

describe('the scale of a Fleet', () => {
  let own: string;
  let fleet: string;

  beforeAll(async () => {
    fleet = (await cluster.readyDevFleet({ replicas: 0 })).metadata.name;
    own = `${PATHS.fleets}/${fleet}/scale`;
  });

  const scale = (changes: object = {}): object => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: fleet },
    spec: { replicas: 1 },
    ...changes,
  });

  it('is read and written as a Scale', async () => {
    const read = await cluster.request('GET', own);
    expect(read.body).toMatchObject({ kind: 'Scale', apiVersion: 'autoscaling/v1', spec: {}, status: { replicas: 0 } });
    const written = await cluster.request('PUT', `${own}?dryRun=All`, scale());
    expect([written.status, written.body.spec]).toEqual([200, { replicas: 1 }]);
    const patched = await cluster.request('PATCH', `${own}?dryRun=All`, { spec: { replicas: 2 } });
    expect([patched.status, patched.body.spec]).toEqual([200, { replicas: 2 }]);
  });

  it.each<[string, () => object, Refusal]>([
    ['without a name', () => scale({ metadata: {} }), BAD],
    ['of another name', () => scale({ metadata: { name: 'another' } }), BAD],
    ['of another kind', () => scale({ kind: 'Fleet' }), BAD],
    ['of another version', () => scale({ apiVersion: 'v9' }), BAD],
    ['with a text for a number', () => scale({ spec: { replicas: '1' } }), BAD],
    ['with half a GameServer', () => scale({ spec: { replicas: 0.5 } }), BAD],
    [
      'of an old version',
      () => scale({ metadata: { name: fleet, resourceVersion: '1' } }),
      { status: 409, reason: 'Conflict' },
    ],
    ['of another uid', () => scale({ metadata: { name: fleet, uid: 'another' } }), { status: 409, reason: 'Conflict' }],
  ])('refuses one %s', async (_what, body, refusal) => {
    expect(refusalIn(await cluster.request('PUT', `${own}?dryRun=All`, body()))).toEqual(refusal);
  });

  it('cannot be below none, made or deleted', async () => {
    expect((await cluster.request('PUT', `${own}?dryRun=All`, scale({ spec: { replicas: -1 } }))).status).toBe(422);
    expect(refusalIn(await cluster.request('POST', own, scale()))).toEqual({ status: 405, reason: 'MethodNotAllowed' });
    expect(refusalIn(await cluster.request('DELETE', own))).toEqual({ status: 405, reason: 'MethodNotAllowed' });
  });
});
