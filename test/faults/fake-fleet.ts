import { eventually } from '../helpers/conditions.ts';
import type { FaultyLocal } from './faulty-local.ts';

const READY_DEADLINE_MS = 60_000;

/** A Fleet of GameServers without a program, all Ready when it resolves. Its game is `fake`. */
export async function createFakeFleet(local: FaultyLocal, replicas: number): Promise<void> {
  const { status, body } = await local.request('POST', '/apis/agones.dev/v1/namespaces/default/fleets', {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'fakes' },
    spec: {
      replicas,
      template: {
        metadata: { labels: { 'regatta.dev/game': 'fake' }, annotations: { 'regatta.dev/seats': '8' } },
        spec: {
          ports: [{ name: 'game', portPolicy: 'Passthrough', protocol: 'TCP' }],
          health: { disabled: true },
          template: { spec: { containers: [{ name: 'game', image: 'regatta.dev/fake' }] } },
        },
      },
    },
  });
  if (status !== 201) throw new Error(`the Fleet was refused: ${JSON.stringify(body)}`);
  await eventually('every fake Ready', READY_DEADLINE_MS, () => {
    const ready = local.gameServers().filter((each) => each.status?.state === 'Ready');
    return ready.length === replicas ? true : undefined;
  });
}
