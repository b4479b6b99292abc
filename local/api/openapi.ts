import { createHash } from 'node:crypto';
import type { ServedResource } from './discovery.ts';
import { asJsonObject } from './json.ts';
import { isBuiltIn } from './object-envelope.ts';
import { APPLY_PATCH } from './object-writes.ts';
import type { ResourceDefinition } from './resource.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

const objectMetaSchema = {
  type: 'object',
  description: 'What every object has: its names, its versions, its labels and annotations, who owns it.',
  properties: {
    name: { type: 'string', description: 'Unique among the objects of its kind in its namespace; cannot be changed.' },
    generateName: { type: 'string', description: 'A prefix the API makes a name of, where none is given.' },
    namespace: { type: 'string', description: 'The namespace the object is in; cannot be changed.' },
    labels: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Keys and values objects are selected by.',
    },
    annotations: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Keys and values for tools; nothing selects by them.',
    },
    finalizers: {
      type: 'array',
      items: { type: 'string' },
      description: 'While there are any, a deleted object stays, with its deletionTimestamp set.',
    },
    ownerReferences: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      description: 'The objects this one goes with.',
    },
    uid: { type: 'string', description: 'Unique over all time; set by the API.' },
    resourceVersion: { type: 'string', description: 'Changes with every write; set by the API.' },
    generation: { type: 'integer', format: 'int64', description: 'Rises when what is wanted changes; set by the API.' },
    creationTimestamp: { type: 'string', format: 'date-time', description: 'Set by the API.' },
    deletionTimestamp: {
      type: 'string',
      format: 'date-time',
      description: 'When deletion was asked for; set by the API.',
    },
    deletionGracePeriodSeconds: { type: 'integer', format: 'int64', description: 'Set by the API.' },
    managedFields: {
      type: 'array',
      items: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      description: 'Who set which fields.',
    },
  },
};

const QUERY_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  get: ['pretty'],
  put: ['pretty', 'dryRun', 'fieldManager', 'fieldValidation'],
  post: ['pretty', 'dryRun', 'fieldManager', 'fieldValidation'],
  patch: ['pretty', 'dryRun', 'fieldManager', 'fieldValidation', 'force'],
  delete: ['pretty', 'dryRun', 'gracePeriodSeconds', 'propagationPolicy'],
};

/** The OpenAPI v3 documents, one for each group and version: what `kubectl explain` and `kubectl apply` read. */
export class OpenApi {
  readonly #documents = new Map<string, { text: string; hash: string }>();

  constructor(served: readonly ServedResource[]) {
    const byPath = new Map<string, ServedResource[]>();
    for (const resource of served) {
      const path = documentPath(resource.definition);
      byPath.set(path, [...(byPath.get(path) ?? []), resource]);
    }
    for (const [path, resources] of byPath) {
      const text = JSON.stringify(document(resources));
      this.#documents.set(path, { text, hash: createHash('sha512').update(text).digest('hex').toUpperCase() });
    }
  }

  /** `GET /openapi/v3`: where the documents are; their addresses change with their content. */
  index(): object {
    const paths = [...this.#documents].map(([path, { hash }]) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
    ]);
    return { paths: Object.fromEntries(paths) };
  }

  /** The document at a path such as `apis/example.com/v1`, as JSON. */
  document(path: string): string | undefined {
    return this.#documents.get(path)?.text;
  }
}

function documentPath({ group, version }: ResourceDefinition): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

function document(resources: readonly ServedResource[]): object {
  const schemas = new Map<string, object>([[OBJECT_META, objectMetaSchema]]);
  const paths: Record<string, object> = {};
  for (const { definition, isVirtual } of resources) {
    schemas.set(schemaName(definition), objectSchema(definition));
    Object.assign(paths, isVirtual ? virtualPathsOf(definition) : pathsOf(definition));
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.4' },
    paths,
    components: { schemas: Object.fromEntries(schemas) },
  };
}

/** `com.example.v1.Kind`, as Kubernetes names the schemas of custom resources, and `io.k8s.api.group.v1.Kind` for its own. */
function schemaName(definition: ResourceDefinition): string {
  const { group, version, kind } = definition;
  const parts = group.split('.');
  const prefix = isBuiltIn(definition) ? `io.k8s.api.${parts[0] || 'core'}` : parts.toReversed().join('.');
  return `${prefix}.${version}.${kind}`;
}

function kindOf({ group, version, kind }: ResourceDefinition): object {
  return { group, version, kind };
}

function objectSchema(definition: ResourceDefinition): object {
  const properties = asJsonObject(definition.schema['properties']);
  const envelope = {
    apiVersion: { type: 'string', description: 'Group and version of the kind.' },
    kind: { type: 'string', description: 'What the object is.' },
    metadata: { description: 'Names, labels, annotations and versions.', allOf: [reference(OBJECT_META)], default: {} },
  };
  const rest = Object.fromEntries(Object.entries(properties).filter(([name]) => !(name in envelope)));
  return {
    ...definition.schema,
    type: 'object',
    properties: { ...envelope, ...rest },
    'x-kubernetes-group-version-kind': [kindOf(definition)],
  };
}

function reference(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

/**
 * What is computed can only be created. The patch is not served: kubectl looks there, and nowhere else, for whether the server
 * finds unknown fields itself, and without it asks for OpenAPI v2.
 */
function virtualPathsOf(definition: ResourceDefinition): Record<string, object> {
  const collection = collectionPath(definition);
  return {
    [collection]: {
      post: operation(definition, 'post', 'post'),
      parameters: pathParameters(definition.namespaced ? ['namespace'] : []),
    },
    [`${collection}/{name}`]: {
      patch: operation(definition, 'patch', 'patch'),
      parameters: pathParameters(definition.namespaced ? ['name', 'namespace'] : ['name']),
    },
  };
}

function collectionPath(definition: ResourceDefinition): string {
  const { namespaced, plural } = definition;
  return `/${documentPath(definition)}${namespaced ? '/namespaces/{namespace}' : ''}/${plural}`;
}

function pathsOf(definition: ResourceDefinition): Record<string, object> {
  const collection = collectionPath(definition);
  const paths: Record<string, object> = {
    [collection]: {
      get: operation(definition, 'get', 'list'),
      post: operation(definition, 'post', 'post'),
      parameters: pathParameters(definition.namespaced ? ['namespace'] : []),
    },
  };
  paths[`${collection}/{name}`] = {
    get: operation(definition, 'get', 'get'),
    put: operation(definition, 'put', 'put'),
    patch: operation(definition, 'patch', 'patch'),
    delete: operation(definition, 'delete', 'delete'),
    parameters: pathParameters(definition.namespaced ? ['name', 'namespace'] : ['name']),
  };
  return paths;
}

function pathParameters(names: readonly string[]): object[] {
  return names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', uniqueItems: true } }));
}

function operation(definition: ResourceDefinition, method: string, action: string): object {
  const content = { 'application/json': { schema: reference(schemaName(definition)) } };
  const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', APPLY_PATCH];
  const patchContent = Object.fromEntries(patchTypes.map((type) => [type, { schema: { type: 'object' } }]));
  const body = method === 'patch' ? patchContent : content;
  return {
    tags: [`${isBuiltIn(definition) ? 'core' : definition.group}_${definition.version}`],
    operationId: `${action}${definition.kind}`,
    parameters: (QUERY_PARAMETERS[method] ?? []).map((name) => ({
      name,
      in: 'query',
      schema: { type: name === 'force' ? 'boolean' : 'string', uniqueItems: true },
    })),
    ...(method === 'get' || method === 'delete' ? {} : { requestBody: { content: body } }),
    responses: { 200: { description: 'OK', content } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kindOf(definition),
  };
}
