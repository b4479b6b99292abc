import {
  CustomObjectsApi,
  KubeConfig,
  PatchStrategy,
  Watch,
  makeInformer,
  setHeaderOptions,
} from '@kubernetes/client-node';
import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { kubeconfigText } from './kubeconfig.ts';
import { startApi } from './testing/api-fixture.ts';
import type { TestApi } from './testing/api-fixture.ts';
import { boat } from './testing/boat-definitions.ts';

const WHERE = { group: 'harbour.example', version: 'v1', namespace: 'default', plural: 'boats' };
const PATH = '/apis/harbour.example/v1/namespaces/default/boats';

let api: TestApi;
let config: KubeConfig;
let client: CustomObjectsApi;
beforeEach(async () => {
  api = await startApi();
  config = new KubeConfig();
  config.loadFromString(kubeconfigText(api.url));
  client = config.makeApiClient(CustomObjectsApi);
});
afterEach(() => api.server.close());

describe('@kubernetes/client-node', () => {
  test('makes, lists, patches and deletes objects', async () => {
    await client.createNamespacedCustomObject({ ...WHERE, body: boat('a') });
    const merge = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
    await client.patchNamespacedCustomObject({ ...WHERE, name: 'a', body: { spec: { seats: 5 } } }, merge);
    expect(await client.listNamespacedCustomObject({ ...WHERE, labelSelector: '!x' })).toMatchObject({
      items: [{ metadata: { name: 'a' }, spec: { seats: 5 } }],
    });
    await client.deleteNamespacedCustomObject({ ...WHERE, name: 'a' });
    await expect(client.getNamespacedCustomObject({ ...WHERE, name: 'a' })).rejects.toMatchObject({ code: 404 });
  });

  test('watches', async () => {
    const seen = new Promise<string[]>((resolve, reject) => {
      const phases: string[] = [];
      const watch = new Watch(config).watch(
        PATH,
        {},
        (phase) => {
          phases.push(phase);
          if (phase === 'DELETED')
            void watch.then((controller) => controller.abort()).then(() => resolve(phases), reject);
          if (phase === 'ADDED')
            api.store.modify('boats', 'default', 'a', ({ metadata }) => (metadata.labels = { x: 'y' }));
          if (phase === 'MODIFIED') api.store.delete('boats', 'default', 'a');
        },
        () => undefined,
      );
      watch.catch(reject);
    });
    api.store.create('boats', boat('a'));
    expect(await seen).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });

  test('keeps an informer up to date', async () => {
    api.store.create('boats', boat('a'));
    const list = async () =>
      // The list is what the API answers for this path.
      (await client.listNamespacedCustomObject(WHERE)) as KubernetesListObject<KubernetesObject>;
    const informer = makeInformer(config, PATH, list);
    const deleted = new Promise<unknown>((resolve) => {
      informer.on('delete', resolve);
    });
    const added: unknown[] = [];
    informer.on('add', (object) => {
      added.push(object.metadata?.name);
      if (added.length === 2) api.store.delete('boats', 'default', 'a');
    });
    await informer.start();
    api.store.create('boats', boat('b'));
    expect(await deleted).toMatchObject({ metadata: { name: 'a' } });
    expect(added).toEqual(['a', 'b']);
    await informer.stop();
  });
});
