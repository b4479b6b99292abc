import type { Choices } from './choices.ts';
import type { ValidRequest } from './valid-requests.ts';
import { NAMESPACE } from './canaries.ts';

/** A call of the SDK over REST. None that ends the GameServer: the others would have no one to talk to. */
export function validSdkRequest(choices: Choices): ValidRequest {
  return choices.of<ValidRequest>([
    { method: 'POST', path: '/ready', body: {} },
    { method: 'POST', path: '/allocate', body: {} },
    { method: 'POST', path: '/reserve', body: { seconds: '3' } },
    { method: 'POST', path: '/health', body: {} },
    { method: 'GET', path: '/gameserver' },
    { method: 'GET', path: '/watch/gameserver' },
    { method: 'PUT', path: '/metadata/label', body: { key: 'a', value: 'b' } },
    { method: 'PUT', path: '/metadata/annotation', body: { key: 'a', value: 'b' } },
    { method: 'GET', path: '/v1beta1/counters/rooms' },
    { method: 'PATCH', path: '/v1beta1/counters/rooms', body: { count: '2', capacity: '9', countDiff: '-1' } },
    { method: 'GET', path: '/v1beta1/lists/players' },
    { method: 'PATCH', path: '/v1beta1/lists/players', body: { name: 'players', capacity: '4', values: ['x'] } },
    { method: 'POST', path: '/v1beta1/lists/players:addValue', body: { value: 'x' } },
    { method: 'POST', path: '/v1beta1/lists/players:removeValue', body: { value: 'x' } },
    { method: 'POST', path: '/alpha/player/connect', body: { playerID: 'x' } },
    { method: 'GET', path: '/alpha/player/count' },
  ]);
}

/** A request of the allocator service over REST. */
export function validAllocatorRequest(choices: Choices): ValidRequest {
  return { method: 'POST', path: '/gameserverallocation', body: allocationRequest(choices) };
}

/** What the allocator service is asked for, in the JSON of its messages. */
export function allocationRequest(choices: Choices): object {
  return {
    namespace: choices.of([NAMESPACE, 'nowhere']),
    gameServerSelectors: [
      {
        matchLabels: { a: choices.of(['b', 'none']) },
        gameServerState: 'READY',
        counters: { rooms: { minCount: '0', maxCount: '9' } },
        lists: { players: { containsValue: 'ada', minAvailable: '1' } },
      },
    ],
    preferredGameServerSelectors: [{ matchLabels: { a: 'z' } }],
    scheduling: 'Distributed',
    priorities: [{ type: 'List', key: 'players', order: 'Descending' }],
    metadata: { labels: { l: 'v' }, annotations: { n: 'v' } },
    counters: { rooms: { action: 'Increment', amount: '1', capacity: '12' } },
    lists: { players: { addValues: ['bea'], deleteValues: [], capacity: '5' } },
    multiClusterSetting: { enabled: choices.happens(0.05), policySelector: { matchLabels: { a: 'b' } } },
  };
}
