import { isBuiltIn } from './object-envelope.ts';
import { badRequest, methodNotAllowed, notFound, nothingThere, verbNotSupported } from './refusals.ts';
import type { ResourcePath } from './request-path.ts';
import type { ResourceDefinition } from './resource.ts';
import { PlainTextRefusal } from './virtual-resource.ts';

/** What a request for a stored resource comes to. */
export type Route =
  | { verb: 'list' | 'create' | 'deletecollection' }
  | { verb: 'get' | 'update' | 'patch' | 'delete'; name: string }
  /** Of a Pod: its log, or something that needs a container. */
  | { verb: 'pod'; name: string; subresource: string };

const POD_SUBRESOURCES = new Set(['log', 'exec', 'attach', 'portforward', 'proxy', 'ephemeralcontainers']);

/**
 * Finds what a method at a path means.
 *
 * Kubernetes' own kinds have a route for each thing that can be done; custom kinds are served by one handler, which takes
 * what it can make sense of. So they refuse the rest differently.
 *
 * @throws StatusError, PlainTextRefusal
 */
export function routeOf(definition: ResourceDefinition, path: ResourcePath, method: string): Route {
  const { name, namespace } = path;
  const isEverywhere = definition.namespaced && namespace === undefined;
  if ((!definition.namespaced && namespace !== undefined) || (name !== undefined && isEverywhere)) {
    throw isBuiltIn(definition) ? nothingThere() : new PlainTextRefusal(404, '404 page not found');
  }
  if (name === '.' || name === '..' || name?.includes('%') === true) {
    throw badRequest(`the name ${JSON.stringify(name)} cannot stand in a path`);
  }
  if (name === undefined) return collectionRoute(definition, isEverywhere, method);
  const { subresource } = path;
  if (definition.kind === 'Pod' && isBuiltIn(definition) && subresource !== undefined) {
    if (POD_SUBRESOURCES.has(subresource)) return { verb: 'pod', name, subresource };
  }
  return objectRoute(definition, name, subresource, method);
}

function collectionRoute(definition: ResourceDefinition, isEverywhere: boolean, method: string): Route {
  if (method === 'GET' || (method === 'HEAD' && !isBuiltIn(definition))) return { verb: 'list' };
  if (isEverywhere) throw isBuiltIn(definition) ? methodNotAllowed() : new PlainTextRefusal(404, '404 page not found');
  if (method === 'POST') return { verb: 'create' };
  if (method === 'DELETE') return { verb: 'deletecollection' };
  if (isBuiltIn(definition)) throw methodNotAllowed();
  throw method === 'PUT' || method === 'PATCH' ? badRequest('name must be provided') : verbNotSupported(definition, '');
}

function objectRoute(
  definition: ResourceDefinition,
  name: string,
  subresource: string | undefined,
  method: string,
): Route {
  const isOwn = isBuiltIn(definition);
  if (!hasSubresource(definition, subresource)) throw isOwn ? nothingThere() : notFound(definition, name);
  switch (method) {
    case 'GET':
      return { verb: 'get', name };
    case 'PUT':
      return { verb: 'update', name };
    case 'PATCH':
      return { verb: 'patch', name };
    case 'DELETE':
      if (subresource === undefined) return { verb: 'delete', name };
      throw isOwn ? methodNotAllowed() : verbNotSupported(definition, 'delete');
    default:
      return customObjectRoute(definition, name, subresource, method);
  }
}

function customObjectRoute(
  definition: ResourceDefinition,
  name: string,
  subresource: string | undefined,
  method: string,
): Route {
  if (isBuiltIn(definition)) throw methodNotAllowed();
  if (method === 'HEAD') return { verb: 'get', name };
  if (method !== 'POST') throw verbNotSupported(definition, '');
  if (subresource !== undefined) throw verbNotSupported(definition, 'create');
  // The name of the path is not looked at.
  return { verb: 'create' };
}

function hasSubresource(definition: ResourceDefinition, subresource: string | undefined): boolean {
  if (subresource === undefined) return true;
  if (subresource === 'status') return definition.statusSubresource;
  return subresource === 'scale' && definition.scale !== undefined;
}
