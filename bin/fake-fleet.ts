import type { Manifest } from './apply-manifests.ts';
import { UsageError } from './usage.ts';

const MAX_FAKES = 10_000;
/** What players would reach if anything listened: every fake has the same, as none of them takes a port of the machine. */
const PORT = 7654;

/** How many GameServers `--fake N` asks for. @throws UsageError */
export function readFakeCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count > MAX_FAKES)
    throw new UsageError(`--fake ${text}: not 0 to ${MAX_FAKES} GameServers`);
  return count;
}

/** The Fleet of `--fake N`: GameServers that need no program. */
export function fakeFleet(replicas: number): Manifest {
  const object = {
    apiVersion: 'agones.dev/v1',
    kind: 'Fleet',
    metadata: { name: 'fake', namespace: 'default' },
    spec: {
      replicas,
      scheduling: 'Packed',
      template: {
        metadata: { labels: { 'regatta.dev/game': 'fake' } },
        spec: {
          ports: [{ name: 'game', portPolicy: 'None', containerPort: PORT, protocol: 'UDP' }],
          template: { spec: { containers: [{ name: 'game', image: 'regatta.dev/fake' }] } },
        },
      },
    },
  };
  return { file: '--fake', object };
}
