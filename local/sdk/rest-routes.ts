import { LIST_FIELDS } from './counters-and-lists.ts';
import type { ListUpdate, SdkCounter, SdkList } from './counters-and-lists.ts';
import { toRestGameServer } from './game-server-message.ts';
import type { MessageFields } from './rest-body.ts';
import { GRPC_CODE, SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH';

/** Where a GameServer is watched over REST. */
export const WATCH_PATH = '/watch/gameserver';
/** Where health is told. */
export const HEALTH_PATH = '/health';

/** One call of the SDK over REST. */
export interface Route {
  method: Method;
  path: RegExp;
  /**
   * @param name - the part of the path that is one
   * @throws SdkError
   */
  handle(sidecar: Sidecar, message: MessageFields, name: string): object;
}

/** @param template - `{name}` stands for any part of a path, with colons or empty; there is one at most */
function route(method: Method, template: string, handle: Route['handle']): Route {
  return { method, path: new RegExp(`^${template.replace('{name}', '([^/]*)')}$`), handle };
}

/** A call that answers nothing. */
function change(method: Method, template: string, act: (sidecar: Sidecar, message: MessageFields) => void): Route {
  return route(method, template, (sidecar, message) => {
    act(sidecar, message);
    return {};
  });
}

/** The answer of these two is not one message but a stream, or there are many messages: others serve them. */
const streamed = (method: Method, template: string): Route => route(method, template, () => ({}));

const SDK_ROUTES: readonly Route[] = [
  change('POST', '/ready', (sidecar) => {
    sidecar.ready();
  }),
  change('POST', '/allocate', (sidecar) => {
    sidecar.allocate();
  }),
  change('POST', '/shutdown', (sidecar) => {
    sidecar.shutdown();
  }),
  streamed('POST', HEALTH_PATH),
  change('POST', '/reserve', (sidecar, message) => {
    sidecar.reserve(message.int64('seconds') ?? 0);
  }),
  route('GET', '/gameserver', (sidecar) => toRestGameServer(sidecar.gameServer())),
  streamed('GET', WATCH_PATH),
  change('PUT', '/metadata/label', (sidecar, message) => {
    sidecar.setLabel(message.text('key'), message.text('value'));
  }),
  change('PUT', '/metadata/annotation', (sidecar, message) => {
    sidecar.setAnnotation(message.text('key'), message.text('value'));
  }),
];

/** @throws SdkError NOT_FOUND where there is nothing before the verb */
function listChange(verb: string, act: (sidecar: Sidecar, name: string, value: string) => SdkList): Route {
  return route('POST', `/v1beta1/lists/{name}:${verb}`, (sidecar, message, name) => {
    if (name === '') throw new SdkError(GRPC_CODE.notFound, 'Not Found');
    return restList(act(sidecar, name, message.text('value')));
  });
}

const BETA_ROUTES: readonly Route[] = [
  route('GET', '/v1beta1/counters/{name}', (sidecar, _message, name) => restCounter(sidecar.counter(name))),
  route('PATCH', '/v1beta1/counters/{name}', (sidecar, message, name) => {
    const count = message.int64('count');
    const capacity = message.int64('capacity');
    return restCounter(sidecar.updateCounter({ name, count, capacity, countDiff: message.int64('countDiff') ?? 0 }));
  }),
  route('GET', '/v1beta1/lists/{name}', (sidecar, _message, name) => restList(sidecar.list(name))),
  route('PATCH', '/v1beta1/lists/{name}', (sidecar, message, name) =>
    restList(sidecar.updateList(readListUpdate(message, name))),
  ),
  listChange('addValue', (sidecar, name, value) => sidecar.addListValue(name, value)),
  listChange('removeValue', (sidecar, name, value) => sidecar.removeListValue(name, value)),
];

function restCounter({ name, count, capacity }: SdkCounter): object {
  return { name, count: String(count), capacity: String(capacity) };
}

function restList({ name, capacity, values }: SdkList): object {
  return { name, capacity: String(capacity), values };
}

/** The fields that were sent are those that are to be set. */
function readListUpdate(message: MessageFields, name: string): ListUpdate {
  message.text('name');
  const capacity = message.int64('capacity') ?? 0;
  const values = message.texts('values');
  const unknown = message.names.find((field) => !LIST_FIELDS.includes(field));
  if (unknown === undefined) return { name, capacity, values, paths: message.names };
  throw new SdkError(GRPC_CODE.invalidArgument, `could not find field ${JSON.stringify(unknown)} in a List`);
}

const ALPHA_ROUTES: readonly Route[] = [
  route('POST', '/alpha/player/connect', ({ players }, message) => ({
    bool: players.connect(message.text('playerID')),
  })),
  route('POST', '/alpha/player/disconnect', ({ players }, message) => ({
    bool: players.disconnect(message.text('playerID')),
  })),
  change('PUT', '/alpha/player/capacity', ({ players }, message) => {
    players.setCapacity(message.int64('count') ?? 0);
  }),
  route('GET', '/alpha/player/capacity', ({ players }) => ({ count: String(players.capacity) })),
  route('GET', '/alpha/player/count', ({ players }) => ({ count: String(players.count) })),
  route('GET', '/alpha/player/connected/{name}', ({ players }, _message, id) => ({ bool: players.isConnected(id) })),
  route('GET', '/alpha/player/connected', ({ players }) => ({ list: players.connected })),
];

const ROUTES = [...SDK_ROUTES, ...BETA_ROUTES, ...ALPHA_ROUTES];

/**
 * What answers a request, found as Agones' gateway finds it.
 *
 * @param path - decoded: a slash that was written as %2F divides like any other
 * @param form - the body is that of an HTML form: such a POST is also a GET that was too long
 * @throws SdkError NOT_FOUND for an unknown path, UNIMPLEMENTED for a wrong method
 */
export function findRoute(method: string, path: string, { form }: { form: boolean }): { route: Route; name: string } {
  const candidates = ROUTES.filter((candidate) => candidate.path.test(path));
  if (candidates.length === 0) throw new SdkError(GRPC_CODE.notFound, 'Not Found');
  const found =
    candidates.find((candidate) => candidate.method === method) ??
    candidates.find((candidate) => form && method === 'POST' && candidate.method === 'GET');
  if (found === undefined) throw new SdkError(GRPC_CODE.unimplemented, 'Method Not Allowed');
  return { route: found, name: found.path.exec(path)?.[1] ?? '' };
}
