import { invalid, refusalIn } from '../harness/refusals.ts';
import { NAMESPACE, PATHS } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const BAD = { status: 400, reason: 'BadRequest' };
/** Both kinds of resources: those of Kubernetes' own and custom ones. Nothing has the label. */
const COLLECTIONS = [CONFIG_MAPS, PATHS.gameservers].map((path) => `${path}?labelSelector=regatta.dev/none`);

describe.each(COLLECTIONS)('a list of %s', (path) => {
  it.each(['limit=x', 'limit=', 'limit=1.5', 'continue=x', 'resourceVersion=x', 'timeoutSeconds=x', 'timeout=x'])(
    'with %s is a BadRequest',
    async (query) => {
      expect(refusalIn(await cluster.request('GET', `${path}&${query}`))).toEqual(BAD);
    },
  );

  it.each<[string, [string, string][]]>([
    ['resourceVersionMatch=Exact', [['FieldValueForbidden', 'resourceVersionMatch']]],
    ['resourceVersion=0&resourceVersionMatch=Exact', [['FieldValueForbidden', 'resourceVersionMatch']]],
    ['resourceVersion=1&resourceVersionMatch=Some', [['FieldValueNotSupported', 'resourceVersionMatch']]],
    [
      'resourceVersionMatch=Some',
      [
        ['FieldValueForbidden', 'resourceVersionMatch'],
        ['FieldValueNotSupported', 'resourceVersionMatch'],
      ],
    ],
    ['sendInitialEvents=true', [['FieldValueForbidden', 'sendInitialEvents']]],
  ])('with %s is Invalid', async (query, causes) => {
    expect(refusalIn(await cluster.request('GET', `${path}&${query}`))).toEqual(invalid(...causes));
  });

  it('of a version that is still to come is a Timeout that says when to ask again', async () => {
    const answer = await cluster.request('GET', `${path}&resourceVersion=99999999999`);
    expect(refusalIn(answer)).toMatchObject({ status: 504, reason: 'Timeout' });
    expect(answer.headers['retry-after']).toBe('1');
    expect(answer.body.details.causes[0].reason).toBe('ResourceVersionTooLarge');
  });

  it.each(['resourceVersion=0', 'resourceVersion=', 'limit=0', 'limit=-1', 'watch=false', 'watch=0', 'timeout=30s'])(
    'takes %s',
    async (query) => {
      const { status, body } = await cluster.request('GET', `${path}&${query}`);
      expect([status, body.items]).toEqual([200, []]);
    },
  );
});

describe.each(COLLECTIONS)('a watch of %s', (path) => {
  it.each<[string, [string, string][]]>([
    ['resourceVersionMatch=NotOlderThan', [['FieldValueForbidden', 'resourceVersionMatch']]],
    ['sendInitialEvents=true', [['FieldValueForbidden', 'resourceVersionMatch']]],
    [
      'sendInitialEvents=true&resourceVersionMatch=Exact',
      [
        ['FieldValueForbidden', 'resourceVersionMatch'],
        ['FieldValueNotSupported', 'resourceVersionMatch'],
      ],
    ],
    ['continue=x', [['FieldValueForbidden', 'resourceVersionMatch']]],
  ])('with %s is Invalid', async (query, causes) => {
    expect(refusalIn(await cluster.request('GET', `${path}&watch=1&${query}`))).toEqual(invalid(...causes));
  });

  it('is over after the seconds it was given', async () => {
    expect(refusalIn(await cluster.request('GET', `${path}&watch=1&timeoutSeconds=x`))).toEqual(BAD);
    const { status, text } = await cluster.request('GET', `${path}&watch=true&timeoutSeconds=1`);
    expect([status, text]).toEqual([200, '']);
  });

  it('with a bookmark at the end, where asked for', async () => {
    const { body } = await cluster.request('GET', path);
    const { resourceVersion } = body.metadata;
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=3&resourceVersion=${resourceVersion}`;
    const watch = await cluster.watch(`${path}&${query}`);
    await cluster.eventually('the end', () => (watch.ended ? true : undefined), 30_000);
    for (const { type, object } of watch.events) {
      expect(type).toBe('BOOKMARK');
      expect(Number(object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(resourceVersion));
    }
  });
});

describe('a label selector', () => {
  it.each([
    'a=',
    'a==',
    'a in ()',
    'a in (,)',
    'a in (b,,c)',
    'in',
    'in in (in)',
    'notin',
    'a=in',
    'a>5',
    'a= b ',
    'a!=b',
    '!a',
  ])('%s is one', async (selector) => {
    const { status } = await cluster.request(
      'GET',
      `${CONFIG_MAPS}?limit=1&labelSelector=${encodeURIComponent(selector)}`,
    );
    expect(status).toBe(200);
  });

  it.each([
    'a,',
    'a,,b',
    'a notin (b',
    '!a=b',
    '!!a',
    'a>b',
    'a<-5',
    'a b',
    'a/b/c=d',
    'a=b/c',
    'a===b',
    'a!b',
    'a=!b',
    'A_=b',
    '(a)',
    'ü=1',
    'x'.repeat(64),
    `a=${'x'.repeat(64)}`,
  ])('%s is none', async (selector) => {
    const path = `${CONFIG_MAPS}?limit=1&labelSelector=${encodeURIComponent(selector)}`;
    expect(refusalIn(await cluster.request('GET', path))).toEqual(BAD);
  });
});

describe('a field selector', () => {
  it.each([
    '',
    'metadata.name=a',
    'metadata.name==a,',
    ',',
    'metadata.name!=a,metadata.namespace=default',
    'metadata.name=',
  ])('%j is one', async (selector) => {
    const path = `${CONFIG_MAPS}?limit=1&fieldSelector=${encodeURIComponent(selector)}`;
    expect((await cluster.request('GET', path)).status).toBe(200);
  });

  it.each(['x', 'metadata.name', 'metadata.uid=x', 'metadata.name in (a)', 'metadata.name=a=b', 'metadata.name=\\'])(
    '%j is none',
    async (selector) => {
      const path = `${CONFIG_MAPS}?limit=1&fieldSelector=${encodeURIComponent(selector)}`;
      expect(refusalIn(await cluster.request('GET', path))).toEqual(BAD);
    },
  );
});
