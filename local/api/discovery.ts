import { createHash } from 'node:crypto';
import { isBuiltIn } from './object-envelope.ts';
import type { ResourceDefinition } from './resource.ts';

/** A resource the API serves; virtual ones store nothing. */
export interface ServedResource {
  definition: ResourceDefinition;
  isVirtual: boolean;
}

const SUBRESOURCE_VERBS = ['get', 'patch', 'update'];

interface Subresource {
  name: string;
  group: string;
  version: string;
  kind: string;
  verbs: readonly string[];
}

/** The subresources of a kind, those of Pods among them. */
function subresourcesOf(definition: ResourceDefinition): Subresource[] {
  const { group, version, kind } = definition;
  const found: Subresource[] = [];
  if (definition.statusSubresource) found.push({ name: 'status', group, version, kind, verbs: SUBRESOURCE_VERBS });
  if (definition.scale !== undefined) {
    found.push({ name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: SUBRESOURCE_VERBS });
  }
  if (group === '' && kind === 'Pod') found.push({ name: 'log', group, version, kind, verbs: ['get'] });
  return found;
}

/** What there is to discover, made once: groups, versions, resources and their verbs. */
export class Discovery {
  readonly #served: readonly ServedResource[];
  readonly #serverAddress: () => string;

  /** @param serverAddress - `host:port` a client reaches the server at, asked for with each answer */
  constructor(served: readonly ServedResource[], serverAddress: () => string) {
    this.#served = served;
    this.#serverAddress = serverAddress;
  }

  /** `GET /api` */
  coreVersions(): object {
    const addresses = [{ clientCIDR: '0.0.0.0/0', serverAddress: this.#serverAddress() }];
    return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: addresses };
  }

  /** `GET /apis` */
  groups(): object {
    const groups = this.#groupNames().filter((group) => group !== '');
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => this.#group(group)) };
  }

  /** `GET /apis/GROUP`, or `undefined` where there is none. */
  group(name: string): object | undefined {
    if (name === '' || !this.#groupNames().includes(name)) return undefined;
    return { kind: 'APIGroup', apiVersion: 'v1', ...this.#group(name) };
  }

  /** `GET /apis/GROUP/VERSION` and `GET /api/v1`, or `undefined` where there is none. */
  resources(group: string, version: string): object | undefined {
    const served = this.#served.filter(
      ({ definition }) => definition.group === group && definition.version === version,
    );
    if (served.length === 0) return undefined;
    const groupVersion = group === '' ? version : `${group}/${version}`;
    const resources = served.flatMap(({ definition, isVirtual }) => [
      resourceEntry(definition, isVirtual),
      ...subresourcesOf(definition).map((subresource) => subresourceEntry(definition, subresource)),
    ]);
    return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
  }

  /** `GET /api` and `GET /apis` for clients that take all of it in one answer. */
  aggregated(root: 'api' | 'apis', version: 'v2' | 'v2beta1'): object {
    const groups = this.#groupNames().filter((group) => (group === '') === (root === 'api'));
    const items = groups.map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: this.#versionsOf(group).map((groupVersion) => ({
        version: groupVersion,
        resources: this.#served
          .filter(({ definition }) => definition.group === group && definition.version === groupVersion)
          .map(aggregatedEntry),
        freshness: 'Current',
      })),
    }));
    return { kind: 'APIGroupDiscoveryList', apiVersion: `apidiscovery.k8s.io/${version}`, metadata: {}, items };
  }

  #groupNames(): string[] {
    return [...new Set(this.#served.map(({ definition }) => definition.group))];
  }

  #versionsOf(group: string): string[] {
    const definitions = this.#served
      .map(({ definition }) => definition)
      .filter((definition) => definition.group === group);
    return [...new Set(definitions.map(({ version }) => version))];
  }

  #group(name: string): object {
    const versions = this.#versionsOf(name).map((version) => ({ groupVersion: `${name}/${version}`, version }));
    return { name, versions, preferredVersion: versions[0] };
  }
}

function resourceEntry(definition: ResourceDefinition, isVirtual: boolean): object {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories } = definition;
  return {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories === undefined || categories.length === 0 ? {} : { categories }),
    ...(isVirtual ? {} : { storageVersionHash: storageVersionHash(definition) }),
  };
}

function subresourceEntry({ plural, namespaced }: ResourceDefinition, subresource: Subresource): object {
  const { name, group, version, kind, verbs } = subresource;
  const other = name === 'scale' ? { group, version } : {};
  return { name: `${plural}/${name}`, singularName: '', namespaced, ...other, kind, verbs };
}

function aggregatedEntry({ definition, isVirtual }: ServedResource): object {
  const { group, version, kind, plural, namespaced, singular, verbs, shortNames, categories } = definition;
  const subresources = subresourcesOf(definition);
  return {
    resource: plural,
    // Extension servers leave group and version to the place where the entry stands.
    responseKind: isVirtual && !isBuiltIn(definition) ? { group: '', version: '', kind } : { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories === undefined || categories.length === 0 ? {} : { categories }),
    ...(subresources.length === 0 ? {} : { subresources: subresources.map(aggregatedSubresource) }),
  };
}

function aggregatedSubresource({ name, group, version, kind, verbs }: Subresource): object {
  return { subresource: name, responseKind: { group, version, kind }, verbs };
}

function storageVersionHash({ group, version, kind }: ResourceDefinition): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}
