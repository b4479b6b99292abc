import type { SdkCounter, SdkList } from './counters-and-lists.ts';
import { toRestGameServer } from './game-server-message.ts';
import { int64Field, textField } from './rest-body.ts';
import type { Fields } from './rest-body.ts';
import { GRPC_CODE, PLAYER_TRACKING_OFF, SdkError } from './sdk-error.ts';
import type { Sidecar } from './sidecar.ts';

/** One call of the SDK over REST. */
export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  /** The part in parentheses, if any, is the name in the path. */
  path: RegExp;
  /** @throws SdkError */
  handle(sidecar: Sidecar, fields: Fields, parameter: string): object;
}

function restCounter({ name, count, capacity }: SdkCounter): object {
  return { name, count: String(count), capacity: String(capacity) };
}

function restList({ name, capacity, values }: SdkList): object {
  return { name, capacity: String(capacity), values };
}

function change(path: RegExp, method: Route['method'], act: (sidecar: Sidecar, fields: Fields) => void): Route {
  return {
    method,
    path,
    handle(sidecar, fields) {
      act(sidecar, fields);
      return {};
    },
  };
}

const COUNTER = /^\/v1beta1\/counters\/([^/:]+)$/;
const LIST = /^\/v1beta1\/lists\/([^/:]+)$/;

const SDK_ROUTES: readonly Route[] = [
  change(/^\/ready$/, 'POST', (sidecar) => {
    sidecar.ready();
  }),
  change(/^\/allocate$/, 'POST', (sidecar) => {
    sidecar.allocate();
  }),
  change(/^\/shutdown$/, 'POST', (sidecar) => {
    sidecar.shutdown();
  }),
  change(/^\/reserve$/, 'POST', (sidecar, fields) => {
    sidecar.reserve(int64Field(fields, 'seconds') ?? 0);
  }),
  { method: 'GET', path: /^\/gameserver$/, handle: (sidecar) => toRestGameServer(sidecar.gameServer()) },
  { method: 'GET', path: /^\/watch\/gameserver$/, handle: (sidecar) => toRestGameServer(sidecar.gameServer()) },
  change(/^\/metadata\/label$/, 'PUT', (sidecar, fields) => {
    sidecar.setLabel(textField(fields, 'key'), textField(fields, 'value'));
  }),
  change(/^\/metadata\/annotation$/, 'PUT', (sidecar, fields) => {
    sidecar.setAnnotation(textField(fields, 'key'), textField(fields, 'value'));
  }),
];

const BETA_ROUTES: readonly Route[] = [
  { method: 'GET', path: COUNTER, handle: (sidecar, _fields, name) => restCounter(sidecar.counter(name)) },
  {
    method: 'PATCH',
    path: COUNTER,
    handle: (sidecar, fields, name) =>
      restCounter(
        sidecar.updateCounter({
          name,
          count: int64Field(fields, 'count'),
          capacity: int64Field(fields, 'capacity'),
          countDiff: int64Field(fields, 'countDiff', 'count_diff') ?? 0,
        }),
      ),
  },
  { method: 'GET', path: LIST, handle: (sidecar, _fields, name) => restList(sidecar.list(name)) },
  { method: 'PATCH', path: LIST, handle: (sidecar) => sidecar.updateList() },
  {
    method: 'POST',
    path: /^\/v1beta1\/lists\/([^/:]+):addValue$/,
    handle: (sidecar, fields, name) => restList(sidecar.addListValue(name, textField(fields, 'value'))),
  },
  {
    method: 'POST',
    path: /^\/v1beta1\/lists\/([^/:]+):removeValue$/,
    handle: (sidecar, fields, name) => restList(sidecar.removeListValue(name, textField(fields, 'value'))),
  },
];

function playerTracking(method: Route['method'], path: RegExp): Route {
  return {
    method,
    path,
    handle() {
      throw new SdkError(GRPC_CODE.unknown, PLAYER_TRACKING_OFF);
    },
  };
}

const ALPHA_ROUTES: readonly Route[] = [
  playerTracking('POST', /^\/alpha\/player\/connect$/),
  playerTracking('POST', /^\/alpha\/player\/disconnect$/),
  playerTracking('PUT', /^\/alpha\/player\/capacity$/),
  playerTracking('GET', /^\/alpha\/player\/capacity$/),
  playerTracking('GET', /^\/alpha\/player\/count$/),
  playerTracking('GET', /^\/alpha\/player\/connected(?:\/([^/]+))?$/),
];

const ROUTES = [...SDK_ROUTES, ...BETA_ROUTES, ...ALPHA_ROUTES];

/** @throws SdkError NOT_FOUND for an unknown path, UNIMPLEMENTED for a wrong method, as Agones' gateway does */
export function findRoute(method: string, path: string): { route: Route; parameter: string } {
  const matching = ROUTES.filter((route) => route.path.test(path));
  if (matching.length === 0) throw new SdkError(GRPC_CODE.notFound, 'Not Found');
  const route = matching.find((candidate) => candidate.method === method);
  if (route === undefined) throw new SdkError(GRPC_CODE.unimplemented, 'Method Not Allowed');
  return { route, parameter: decodePart(route.path.exec(path)?.[1] ?? '') };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new SdkError(GRPC_CODE.invalidArgument, `the path cannot be decoded: ${String(error)}`);
  }
}
