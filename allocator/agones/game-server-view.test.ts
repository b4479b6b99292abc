import { formatSessionDescriptor, SESSION_KEY } from '../../lib/session.ts';
import { viewOf } from './game-server-view.ts';
import { gameServerSchema } from './wire.ts';

const choice = { addressType: 'PodIP', portName: 'game' };
const session = {
  version: 1,
  sessionId: 'abcdefghijklmnop',
  game: 'boat-race',
  mode: 'exclusive',
  seats: 8,
  madeAt: '2027-01-15T08:00:00.000Z',
  joinBy: '2027-01-15T08:01:00.000Z',
} as const;

interface Variation {
  state?: string;
  label?: string;
  annotation?: string;
  deletionTimestamp?: string;
  addresses?: object[] | null;
  specPorts?: object[] | null;
}

function gameServer(variation: Variation = {}) {
  return gameServerSchema.parse({
    metadata: {
      name: 'boats-1',
      uid: 'uid-1',
      resourceVersion: '1',
      labels: { [SESSION_KEY]: variation.label ?? session.sessionId },
      annotations: { [SESSION_KEY]: variation.annotation ?? formatSessionDescriptor(session) },
      deletionTimestamp: variation.deletionTimestamp ?? null,
    },
    spec: {
      ports:
        variation.specPorts === undefined
          ? [{ name: 'game', containerPort: 9000, protocol: 'TCP' }]
          : variation.specPorts,
    },
    status: {
      state: variation.state ?? 'Allocated',
      address: '203.0.113.7',
      addresses: variation.addresses === undefined ? [{ type: 'PodIP', address: '10.1.2.3' }] : variation.addresses,
      ports: [
        { name: 'game', port: 7001 },
        { name: 'query', port: 7002 },
      ],
    },
  });
}

describe('the session of a GameServer', () => {
  it('is the one its label and annotation both name, while it is Allocated', () => {
    expect(viewOf(gameServer(), choice, 'east').session).toEqual(session);
  });

  it.each<[string, Variation]>([
    ['it is Ready again', { state: 'Ready' }],
    ['it is shut down', { state: 'Shutdown' }],
    ['it is being deleted', { deletionTimestamp: '2027-01-15T08:00:00Z' }],
    ['label and annotation differ', { label: 'another-session-id' }],
    ['the annotation makes no sense', { annotation: '{' }],
    ['its state is one that is not known yet', { state: 'Dreaming' }],
  ])('is none when %s', (_case, variation) => {
    expect(viewOf(gameServer(variation), choice, 'east').session).toBeUndefined();
  });
});

describe('the route to a GameServer', () => {
  it.each<[string, Variation, string, { address: string; port: number } | undefined]>([
    ['the Pod, at the container’s port', {}, 'PodIP', { address: '10.1.2.3', port: 9000 }],
    [
      'the node, at its port, where there is no such address',
      { addresses: null },
      'PodIP',
      { address: '203.0.113.7', port: 7001 },
    ],
    [
      'the node’s port where the Pod shares its network',
      { addresses: [{ type: 'PodIP', address: '203.0.113.7' }] },
      'PodIP',
      { address: '203.0.113.7', port: 7001 },
    ],
    [
      'the address of the type that is configured',
      { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
      'InternalIP',
      { address: '192.0.2.1', port: 7001 },
    ],
    [
      'the only TCP port, whatever its name',
      {
        addresses: [],
        specPorts: [
          { name: 'query', containerPort: 1, protocol: 'TCP' },
          { name: 'x', protocol: 'UDP' },
        ],
      },
      'PodIP',
      { address: '203.0.113.7', port: 7002 },
    ],
    [
      'nowhere with UDP ports alone',
      { specPorts: [{ name: 'game', containerPort: 1, protocol: 'UDP' }] },
      'PodIP',
      undefined,
    ],
    [
      'nowhere when several TCP ports have other names',
      {
        specPorts: [
          { name: 'query', protocol: 'TCP' },
          { name: 'admin', protocol: 'TCP' },
        ],
      },
      'PodIP',
      undefined,
    ],
    ['nowhere without ports', { specPorts: null }, 'PodIP', undefined],
  ])('leads to %s', (_case, variation, addressType, route) => {
    expect(viewOf(gameServer(variation), { ...choice, addressType }, 'east').route).toEqual(route);
  });
});
