import { jest } from '@jest/globals';
import { resolve } from 'node:path';
import { eventually } from '../../helpers/conditions.ts';
import { describeWithKubectl, LocalWithKubectl } from './kubectl.ts';
import type { Kubectl } from './kubectl.ts';

// Each command is a program of its own.
jest.setTimeout(60_000);

const DEADLINE_MS = 30_000;

const FLEET = `apiVersion: agones.dev/v1
kind: Fleet
metadata: { name: boats }
spec:
  replicas: 1
  template:
    spec:
      ports: [{ name: game, portPolicy: Passthrough, protocol: TCP }]
      template: { spec: { terminationGracePeriodSeconds: 1, containers: [{ name: game, image: "game:1" }] } }
`;

describeWithKubectl('kubectl with Pods that are processes', () => {
  let local: LocalWithKubectl;
  let kubectl: Kubectl;
  let pod: string;

  beforeAll(async () => {
    local = await LocalWithKubectl.start({
      'game:1': { command: [process.execPath, resolve('test/faults/soak/game-server.ts')] },
    });
    ({ kubectl } = local);
    await kubectl.run('apply', '-f', await kubectl.file('fleet.yaml', FLEET));
    await kubectl.run('wait', '--for=jsonpath={.status.readyReplicas}=1', 'fleet/boats', '--timeout=30s');
    pod = await kubectl.run('get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}');
    await kubectl.run('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=30s');
  }, 90_000);

  afterAll(() => local.stop(), 30_000);

  it('shows where a Pod runs and what happened to it', async () => {
    expect(await kubectl.run('get', 'pods', '-o', 'wide')).toMatch(/1\/1\s+Running\s+0\s+\S+\s+127\.0\.0\.1\s+local/);
    const described = await kubectl.run('describe', 'pod', pod);
    expect(described).toContain(`Controlled By:  GameServer/${pod}`);
    expect(described).toMatch(/Events:[\s\S]*Scheduled[\s\S]*Pulled[\s\S]*Created[\s\S]*Started/);
    expect(await kubectl.run('events', '--for', `pod/${pod}`)).toContain('Started');
  });

  it.each<[string, string[], string]>([
    ['exec', ['exec', 'POD', '--', 'ls'], 'nothing can be run in the Pod'],
    ['exec with a terminal', ['exec', '-it', 'POD', '--', 'sh'], 'nothing can be run in the Pod'],
    ['cp out of it', ['cp', 'POD:/etc/hosts', 'FILE'], 'nothing can be run in the Pod'],
    ['cp into it', ['cp', 'FILE', 'POD:/tmp/x'], 'nothing can be run in the Pod'],
    ['attach', ['attach', 'POD'], 'nothing can be attached to the Pod'],
    ['port-forward', ['port-forward', 'POD', '31499:80'], 'no port of the Pod is forwarded'],
    ['debug', ['debug', 'POD', '--image=x', '--profile=general'], 'no container can be added to the Pod'],
    [
      'a look through the proxy',
      ['get', '--raw', '/api/v1/namespaces/default/pods/POD/proxy/a'],
      'nothing is passed on',
    ],
  ])('is told in a sentence that there is no %s', async (_what, parameters, words) => {
    const file = await kubectl.file('copied', 'text');
    const { code, errors } = await kubectl.try(
      ...parameters.map((parameter) => parameter.replace('POD', pod).replace('FILE', file)),
    );
    expect(code).not.toBe(0);
    expect(errors).toContain(words);
    expect(errors).not.toMatch(/EOF|goroutine|unable to upgrade|<nil>/);
  });

  it('follows the log until the Pod is deleted, which kills its process; the Fleet makes another', async () => {
    const log = kubectl.follow('logs', '-f', pod);
    const watch = kubectl.follow('get', 'pods', '--watch', '-o', 'custom-columns=N:.metadata.name,P:.status.phase');
    try {
      await eventually('the log has begun', DEADLINE_MS, () => (log.seen().includes('ready\n') ? true : undefined));
      expect(await kubectl.run('delete', 'pod', pod)).toContain(`pod "${pod}" deleted`);
      await log.ended();
      expect((await kubectl.try('get', 'pod', pod)).errors).toContain(`pods "${pod}" not found`);
      await eventually('another Pod runs', DEADLINE_MS, () => {
        const others = watch.seen().split('\n');
        return others.some((line) => line.includes('Running') && !line.includes(pod)) ? true : undefined;
      });
      const events = await kubectl.run('get', 'events', '--field-selector', `involvedObject.name=${pod}`);
      expect(events).toMatch(/Killing/);
      expect(events).toMatch(/Warning\s+Unhealthy\s+gameserver/);
    } finally {
      log.stop();
      watch.stop();
    }
  }, 90_000);

  it('drains the Node, which ends what runs on it', async () => {
    await kubectl.run('wait', '--for=jsonpath={.status.readyReplicas}=1', 'fleet/boats', '--timeout=30s');
    const name = await kubectl.run('get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}');
    const drained = await kubectl.run('drain', 'local', '--force', '--ignore-daemonsets', '--disable-eviction');
    expect(drained).toContain(`pod/${name} deleted`);
    expect(await kubectl.run('get', 'node', 'local')).toContain('SchedulingDisabled');
    await kubectl.run('uncordon', 'local');
    await kubectl.run('wait', '--for=jsonpath={.status.readyReplicas}=1', 'fleet/boats', '--timeout=30s');
  }, 90_000);
});
