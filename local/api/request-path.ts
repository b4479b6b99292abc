import { PlainTextRefusal } from './virtual-resource.ts';

/** What a path below `/api/v1` or `/apis/GROUP/VERSION` names. */
export interface ResourcePath {
  group: string;
  version: string;
  namespace: string | undefined;
  /** Plural. */
  resource: string;
  name: string | undefined;
  subresource: string | undefined;
}

/**
 * Reads the path of a resource; `undefined` where it cannot be one.
 *
 * @throws PlainTextRefusal 400 when the path is not well encoded: on a cluster it comes no further than Go's server
 */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const parts = decodeParts(pathname);
  const isCore = parts[0] === 'api';
  if (!isCore && parts[0] !== 'apis') return undefined;
  const [group, version, rest] = isCore ? ['', parts[1], parts.slice(2)] : [parts[1], parts[2], parts.slice(3)];
  if (group === undefined || version === undefined || rest.length === 0 || parts.includes('')) return undefined;
  // `/namespaces/NAME` and its subresources are the namespace itself, anything longer is inside it.
  const inNamespace =
    rest[0] === 'namespaces' && rest.length > 2 && !(isCore && (rest[2] === 'status' || rest[2] === 'finalize'));
  const [resource, name, subresource, ...more] = inNamespace ? rest.slice(2) : rest;
  // What follows `proxy` is a path of whoever is behind it.
  if (resource === undefined || (more.length > 0 && subresource !== 'proxy')) return undefined;
  return { group, version, namespace: inNamespace ? rest[1] : undefined, resource, name, subresource };
}

function decodeParts(pathname: string): string[] {
  try {
    return pathname
      .replace(/^\/|\/$/g, '')
      .split('/')
      .map(decodeURIComponent);
  } catch {
    throw new PlainTextRefusal(400, '400 Bad Request');
  }
}
