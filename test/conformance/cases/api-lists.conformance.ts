import { refusalIn } from '../harness/refusals.ts';
import { PATHS, RUN_LABEL, selectorText } from '../harness/test-cluster.ts';
import { useCluster } from '../harness/use-cluster.ts';

const cluster = useCluster();
const COUNT = 5;
let own: string;

beforeAll(async () => {
  own = `labelSelector=${selectorText({ [RUN_LABEL]: cluster.run })}`;
  for (let i = 0; i < COUNT; i += 1)
    await cluster.createDevGameServer({ labels: { i: String(i), parity: i % 2 ? 'odd' : 'even' } });
});

async function chosen(selector: string): Promise<string[]> {
  const query = encodeURIComponent(`${RUN_LABEL}=${cluster.run},${selector}`);
  const found = await cluster.listed<{ metadata: { labels: { i: string } } }>(
    `${PATHS.gameservers}?labelSelector=${query}`,
  );
  return found.map(({ metadata }) => metadata.labels.i).toSorted();
}

describe('a list', () => {
  it.each([
    ['parity=odd', ['1', '3']],
    ['parity!=odd', ['0', '2', '4']],
    ['i in (0,3,9)', ['0', '3']],
    ['i notin (0,1,2)', ['3', '4']],
    ['parity,!never', ['0', '1', '2', '3', '4']],
    ['never', []],
    ['parity=odd,i=1', ['1']],
  ])('by the label selector %s', async (selector, expected) => {
    expect(await chosen(selector)).toEqual(expected);
  });

  it.each(['===', 'a in', 'a in (b', 'a b', '!'])('refuses the label selector %s', async (selector) => {
    const answer = await cluster.request('GET', `${PATHS.gameservers}?labelSelector=${encodeURIComponent(selector)}`);
    expect(refusalIn(answer)).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('by name and by namespace, as fields', async () => {
    const [first] = await cluster.listed<{ metadata: { name: string } }>(`${PATHS.gameservers}?${own}`);
    const { name } = first!.metadata;
    const fields = encodeURIComponent(`metadata.name=${name},metadata.namespace=default`);
    const found = await cluster.listed<{ metadata: { name: string } }>(`${PATHS.gameservers}?fieldSelector=${fields}`);
    expect(found.map(({ metadata }) => metadata.name)).toEqual([name]);
  });

  it('refuses a field that is no selector', async () => {
    const answer = await cluster.request('GET', `${PATHS.gameservers}?fieldSelector=status.state%3DReady`);
    expect(refusalIn(answer)).toEqual({ status: 400, reason: 'BadRequest' });
  });

  it('refuses a limit that is no number, and takes a negative one for none', async () => {
    const refused = await cluster.request('GET', `${PATHS.gameservers}?limit=x`);
    expect(refusalIn(refused)).toEqual({ status: 400, reason: 'BadRequest' });
    expect(await cluster.listed(`${PATHS.gameservers}?${own}&limit=-1`)).toHaveLength(COUNT);
  });

  it('comes in pages that together are the whole, of one resourceVersion', async () => {
    const names: string[] = [];
    const versions = new Set<string>();
    let token = '';
    do {
      const page = await cluster.request(
        'GET',
        `${PATHS.gameservers}?${own}&limit=2&continue=${encodeURIComponent(token)}`,
      );
      expect(page.status).toBe(200);
      expect(page.body.items.length).toBeLessThanOrEqual(2);
      names.push(...page.body.items.map((item: { metadata: { name: string } }) => item.metadata.name));
      versions.add(page.body.metadata.resourceVersion as string);
      token = (page.body.metadata.continue as string | undefined) ?? '';
    } while (token !== '');
    expect(new Set(names).size).toBe(COUNT);
    expect(names).toHaveLength(COUNT);
    expect(versions.size).toBe(1);
  });

  it('refuses a continue token that is none', async () => {
    const answer = await cluster.request('GET', `${PATHS.gameservers}?limit=2&continue=nonsense`);
    expect(refusalIn(answer)).toMatchObject({ status: 400, reason: 'BadRequest' });
  });

  it('names its kind, and each item its own', async () => {
    const { body } = await cluster.request('GET', `${PATHS.gameservers}?${own}`);
    expect(body).toMatchObject({ apiVersion: 'agones.dev/v1', kind: 'GameServerList' });
    expect(body.items[0]).toMatchObject({ apiVersion: 'agones.dev/v1', kind: 'GameServer' });
  });

  it('of all namespaces holds this one’s', async () => {
    const found = await cluster.listed(`/apis/agones.dev/v1/gameservers?${own}`);
    expect(found).toHaveLength(COUNT);
  });

  it('of a namespace that is not there is empty', async () => {
    const answer = await cluster.request('GET', '/apis/agones.dev/v1/namespaces/nowhere/gameservers');
    expect(answer.status).toBe(200);
    expect(answer.body.items).toEqual([]);
  });

  it('of a kind that is not there is a 404', async () => {
    expect((await cluster.request('GET', '/apis/agones.dev/v1/namespaces/default/boats')).status).toBe(404);
  });

  it('is deleted as a whole, by selector', async () => {
    const doomed = await cluster.readyDevGameServer({ labels: { doomed: 'yes' } });
    const query = `labelSelector=${selectorText({ [RUN_LABEL]: cluster.run, doomed: 'yes' })}`;
    const answer = await cluster.request('DELETE', `${PATHS.gameservers}?${query}`);
    expect(answer.status).toBe(200);
    await cluster.gone(doomed.metadata.name);
    expect(await chosen('parity')).toHaveLength(COUNT);
  });
});
