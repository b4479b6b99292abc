import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { TAKEN_OVER, jsonAnswer, pageNotFound } from './answer.ts';
import type { Answer } from './answer.ts';
import type { JsonValue } from './json.ts';
import { listPage, parseFilter, parseVersion, tooLargeVersion } from './listing.ts';
import { defaultFieldManager } from './managed-fields.ts';
import { negotiate } from './negotiation.ts';
import { parseDeleteOptions } from './object-deletes.ts';
import { isBuiltIn } from './object-envelope.ts';
import { APPLY_PATCH, checkPatchType, createObject, patchObject, replaceObject } from './object-writes.ts';
import type { WriteResult, WriteTarget } from './object-writes.ts';
import type { PodLogs } from './pod-log.ts';
import { refuseContainerWish, sendLog } from './pod-requests.ts';
import { methodNotAllowed, nothingThere } from './refusals.ts';
import { checkListRepresentation, parseIncludeObject, renderList, renderObject } from './representation.ts';
import type { View } from './representation.ts';
import { decodeBody, decodeJson, decodeYaml, mediaTypeOf, readBody, readBytes } from './request-body.ts';
import type { DecodeProtobuf, RequestBody } from './request-body.ts';
import { checkTimeout, parseBoolean, parseWriteQuery } from './request-options.ts';
import type { ResourceDefinition } from './resource.ts';
import type { ResourceRequest } from './resource-request.ts';
import { routeOf } from './resource-routes.ts';
import { scaleOf } from './scale.ts';
import type { ObjectStore } from './store.ts';
import type { VirtualResource } from './virtual-resource.ts';
import { createVirtual } from './virtual-requests.ts';
import { WatchStream, parseWatchRequest } from './watch.ts';
import type { OpenWatch, WatchBounds } from './watch.ts';

/** What requests for resources are answered from. */
export interface ResourceRequestOptions {
  store: ObjectStore;
  virtual: readonly VirtualResource[];
  logs?: PodLogs;
  clock: Clock;
  maxBodyBytes: number;
  /** Without it no body is read in protobuf. */
  decodeProtobuf?: DecodeProtobuf;
  watch: WatchBounds;
  /** Told of each watch as it opens. */
  onWatch?(watch: OpenWatch): void;
}

/** Answers requests for the resources of a store and for virtual ones. */
export class ResourceRequests {
  readonly #options: ResourceRequestOptions;
  readonly #definitions = new Map<string, ResourceDefinition>();
  readonly #virtual = new Map<string, VirtualResource>();
  readonly #watches = new Set<WatchStream>();

  constructor(options: ResourceRequestOptions) {
    this.#options = options;
    for (const definition of options.store.definitions) this.#definitions.set(resourceKey(definition), definition);
    for (const virtual of options.virtual) this.#virtual.set(resourceKey(virtual.definition), virtual);
  }

  /** Ends every watch that is open. */
  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  /** @throws StatusError, PlainTextRefusal */
  async answer(request: ResourceRequest): Promise<Answer | typeof TAKEN_OVER> {
    const { path } = request;
    checkTimeout(request.query);
    const key = resourceKey({ group: path.group, version: path.version, plural: path.resource });
    const virtual = this.#virtual.get(key);
    if (virtual !== undefined) {
      const { decodeProtobuf } = this.#options;
      return createVirtual(virtual, request, { read: () => this.#body(request), decodeProtobuf });
    }
    const definition = this.#definitions.get(key);
    if (definition === undefined) {
      if (path.group !== '') return pageNotFound();
      throw nothingThere();
    }
    const route = routeOf(definition, path, request.request.method ?? '');
    if (route.verb === 'pod') {
      this.#options.store.get(definition.plural, path.namespace ?? '', route.name);
      refuseContainerWish(route.subresource);
      return sendLog(this.#options.logs, route.name, request);
    }
    if (!definition.verbs.includes(route.verb)) throw methodNotAllowed();
    switch (route.verb) {
      case 'list':
        return parseBoolean(request.query, 'watch')
          ? this.#watch(definition, request)
          : this.#list(definition, request);
      case 'create':
        return this.#create(definition, request);
      case 'deletecollection':
        return this.#deleteCollection(definition, request);
      case 'get':
        return this.#get(definition, route.name, request);
      case 'update':
        return this.#update(definition, route.name, request);
      case 'patch':
        return this.#patch(definition, route.name, request);
      case 'delete':
        return this.#delete(definition, route.name, request);
    }
  }

  #get(definition: ResourceDefinition, name: string, request: ResourceRequest): Answer {
    const view = this.#view(definition, request);
    const object = this.#options.store.get(definition.plural, request.path.namespace ?? '', name);
    return request.path.subresource === 'scale' ? jsonAnswer(scaleOf(definition, object)) : objectAnswer(view, object);
  }

  async #create(definition: ResourceDefinition, request: ResourceRequest): Promise<Answer> {
    const view = this.#view(definition, request);
    const target = this.#target(definition, request, 'CreateOptions');
    return written(view, createObject(target, await this.#object(definition, request, definition.kind)));
  }

  async #update(definition: ResourceDefinition, name: string, request: ResourceRequest): Promise<Answer> {
    const view = this.#view(definition, request);
    const target = this.#target(definition, request, 'UpdateOptions');
    const { subresource } = request.path;
    const object = await this.#object(definition, request, subresource === 'scale' ? 'Scale' : definition.kind);
    return written(view, replaceObject(target, name, object), subresource);
  }

  async #patch(definition: ResourceDefinition, name: string, request: ResourceRequest): Promise<Answer> {
    const view = this.#view(definition, request);
    const { subresource } = request.path;
    const mediaType = mediaTypeOf(request.request);
    checkPatchType(definition, subresource, mediaType);
    const target = this.#target(definition, request, 'PatchOptions');
    const text = await readBody(request.request, this.#options.maxBodyBytes);
    const patch = mediaType === APPLY_PATCH ? decodeYaml(text, definition.kind) : decodeJson(text, 'a patch');
    return written(view, patchObject(target, name, mediaType, patch), subresource);
  }

  async #body({ request }: ResourceRequest): Promise<RequestBody> {
    return { bytes: await readBytes(request, this.#options.maxBodyBytes), mediaType: mediaTypeOf(request) };
  }

  async #object(definition: ResourceDefinition, request: ResourceRequest, what: string): Promise<JsonValue> {
    const decodeProtobuf = isBuiltIn(definition) ? this.#options.decodeProtobuf : undefined;
    return decodeBody(await this.#body(request), what, decodeProtobuf);
  }

  #view(definition: ResourceDefinition, { request, query }: ResourceRequest): View {
    const representation = negotiate(request.headers.accept);
    return {
      definition,
      representation,
      includeObject: parseIncludeObject(query, representation),
      nowMs: this.#options.clock.nowMs(),
    };
  }

  #target(definition: ResourceDefinition, { path, query, request }: ResourceRequest, kind: string): WriteTarget {
    const options = parseWriteQuery(query, kind);
    const { subresource } = path;
    return {
      store: this.#options.store,
      clock: this.#options.clock,
      definition,
      namespace: path.namespace ?? '',
      subresource: subresource === 'status' || subresource === 'scale' ? subresource : undefined,
      query: options,
      fieldManager: options.fieldManager ?? defaultFieldManager(request.headers['user-agent']),
    };
  }

  #list(definition: ResourceDefinition, request: ResourceRequest): Answer {
    const view = this.#view(definition, request);
    checkListRepresentation(view);
    const filter = parseFilter(definition, request.path.namespace, request.query);
    const { objects, metadata } = listPage(this.#options.store, definition, filter, request.query);
    return { status: 200, contentType: contentTypeOf(view), text: renderList(view, objects, metadata) };
  }

  #watch(definition: ResourceDefinition, request: ResourceRequest): typeof TAKEN_OVER {
    if (!definition.verbs.includes('watch')) throw methodNotAllowed();
    const view = this.#view(definition, request);
    const filter = parseFilter(definition, request.path.namespace, request.query);
    const { store, clock, watch: bounds } = this.#options;
    const watchRequest = parseWatchRequest(request.query, bounds);
    const version = watchRequest.sinceVersion;
    if (version !== undefined && version > Number(store.resourceVersion))
      throw tooLargeVersion(version, store.resourceVersion);
    const stream = new WatchStream(request.response, { store, clock, filter, view, request: watchRequest, bounds });
    this.#watches.add(stream);
    request.response.once('close', () => {
      this.#watches.delete(stream);
    });
    stream.start();
    this.#options.onWatch?.(stream);
    return TAKEN_OVER;
  }

  async #delete(definition: ResourceDefinition, name: string, request: ResourceRequest): Promise<Answer> {
    const view = this.#view(definition, request);
    const { store } = this.#options;
    const options = parseDeleteOptions(await this.#optionalBody(request), request.query);
    const namespace = request.path.namespace ?? '';
    const object = store.delete(definition.plural, namespace, name, options);
    const isStillThere = store.find(definition.plural, namespace, name)?.metadata.uid === object.metadata.uid;
    if (isStillThere && object.metadata.deletionTimestamp !== undefined) return objectAnswer(view, object);
    const { group, plural } = definition;
    const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid: object.metadata.uid };
    return jsonAnswer({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details });
  }

  async #deleteCollection(definition: ResourceDefinition, request: ResourceRequest): Promise<Answer> {
    const { store } = this.#options;
    const view = this.#view(definition, request);
    const { namespace } = request.path;
    const filter = parseFilter(definition, namespace, request.query);
    parseVersion(request.query);
    const options = parseDeleteOptions(await this.#optionalBody(request), request.query);
    const { objects } = listPage(store, definition, filter, request.query);
    const deleted: KubernetesObject[] = [];
    for (const { metadata } of objects) {
      const { name } = metadata;
      // What a listener took away in answer to an earlier delete is gone already.
      if (store.find(definition.plural, metadata.namespace ?? '', name) === undefined) continue;
      deleted.push(store.delete(definition.plural, metadata.namespace ?? '', name, options));
    }
    const metadata = { resourceVersion: store.resourceVersion };
    return { status: 200, contentType: contentTypeOf(view), text: renderList(view, deleted, metadata) };
  }

  async #optionalBody(request: ResourceRequest): Promise<JsonValue | undefined> {
    const body = await this.#body(request);
    return body.bytes.length === 0 ? undefined : decodeBody(body, 'DeleteOptions', this.#options.decodeProtobuf);
  }
}

function resourceKey({ group, version, plural }: Pick<ResourceDefinition, 'group' | 'version' | 'plural'>): string {
  return `${group}/${version}/${plural}`;
}

function contentTypeOf({ representation }: View): string {
  return representation.format === 'yaml' ? 'application/yaml' : 'application/json';
}

function objectAnswer(view: View, object: KubernetesObject, status = 200): Answer {
  return { status, contentType: contentTypeOf(view), text: renderObject(view, object) };
}

function written(view: View, { object, created, warnings }: WriteResult, subresource?: string): Answer {
  const status = created ? 201 : 200;
  const answer = subresource === 'scale' ? jsonAnswer(object, status) : objectAnswer(view, object, status);
  return { ...answer, warnings };
}
