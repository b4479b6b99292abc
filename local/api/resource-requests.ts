import type { ServerResponse } from 'node:http';
import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ResourceRequest } from './resource-request.ts';
import { TAKEN_OVER, jsonAnswer, pageNotFound } from './answer.ts';
import type { Answer } from './answer.ts';
import type { JsonValue } from './json.ts';
import { listPage, parseFilter, parseVersion, tooLargeVersion } from './listing.ts';
import { defaultFieldManager } from './managed-fields.ts';
import { negotiate } from './negotiation.ts';
import { parseDeleteOptions } from './object-deletes.ts';
import { APPLY_PATCH, checkPatchType, createObject, patchObject, replaceObject } from './object-writes.ts';
import type { WriteResult, WriteTarget } from './object-writes.ts';
import { parseLogOptions } from './pod-log.ts';
import type { PodLogs } from './pod-log.ts';
import { badRequest, methodNotAllowed, notFound } from './refusals.ts';
import { parseIncludeObject, renderList, renderObject } from './representation.ts';
import type { View } from './representation.ts';
import { decodeBody, decodeJson, decodeYaml, mediaTypeOf, readBody } from './request-body.ts';
import { parseBoolean, parseWriteQuery } from './request-options.ts';
import type { ResourceDefinition } from './resource.ts';
import { scaleOf } from './scale.ts';
import { StatusError } from './status-error.ts';
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
  watch: WatchBounds;
  /** Told of each watch as it opens. */
  onWatch?(watch: OpenWatch): void;
}

const STREAMING_SUBRESOURCES = new Set(['exec', 'attach', 'portforward', 'proxy']);

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
    const key = resourceKey({ group: path.group, version: path.version, plural: path.resource });
    const virtual = this.#virtual.get(key);
    if (virtual !== undefined) return createVirtual(virtual, request, this.#options.maxBodyBytes);
    const definition = this.#definitions.get(key);
    if (definition === undefined) {
      if (path.group !== '') return pageNotFound();
      throw new StatusError(404, 'NotFound', 'the server could not find the requested resource');
    }
    if (path.namespace !== undefined && !definition.namespaced) return pageNotFound();
    if (path.name !== undefined && path.namespace === undefined && definition.namespaced) return pageNotFound();
    const method = request.request.method ?? '';
    if (path.name === undefined) return this.#answerCollection(definition, method, request);
    return this.#answerObject(definition, path.name, method, request);
  }

  async #answerCollection(
    definition: ResourceDefinition,
    method: string,
    request: ResourceRequest,
  ): Promise<Answer | typeof TAKEN_OVER> {
    switch (method) {
      case 'GET':
        if (parseBoolean(request.query, 'watch')) return this.#watch(definition, request);
        return this.#list(definition, request);
      case 'POST': {
        const view = this.#view(definition, request);
        checkVerb(definition, 'create');
        const target = this.#target(definition, request, 'CreateOptions');
        const text = await readBody(request.request, this.#options.maxBodyBytes);
        return written(view, createObject(target, decodeBody(text, mediaTypeOf(request.request), definition.kind)));
      }
      case 'DELETE':
        return this.#deleteCollection(definition, request);
      case 'PUT':
      case 'PATCH':
        throw badRequest('name must be provided');
      default:
        throw methodNotAllowed();
    }
  }

  async #answerObject(
    definition: ResourceDefinition,
    name: string,
    method: string,
    request: ResourceRequest,
  ): Promise<Answer | typeof TAKEN_OVER> {
    const { subresource } = request.path;
    if (definition.kind === 'Pod' && definition.group === '' && subresource !== undefined) {
      if (subresource === 'log') return this.#log(definition, name, method, request);
      if (STREAMING_SUBRESOURCES.has(subresource)) {
        const message = `${subresource} is not there: a game server is a process of this machine, not a container`;
        throw new StatusError(501, 'NotImplemented', message);
      }
    }
    if (!hasSubresource(definition, subresource)) throw notFound(definition, name);
    const view = this.#view(definition, request);
    const { store, maxBodyBytes } = this.#options;
    switch (method) {
      case 'GET': {
        checkVerb(definition, 'get');
        const object = store.get(definition.plural, request.path.namespace ?? '', name);
        return subresource === 'scale' ? jsonAnswer(scaleOf(definition, object)) : objectAnswer(view, object);
      }
      case 'PUT': {
        checkVerb(definition, 'update');
        const target = this.#target(definition, request, 'UpdateOptions');
        const text = await readBody(request.request, maxBodyBytes);
        const what = subresource === 'scale' ? 'Scale' : definition.kind;
        return written(
          view,
          replaceObject(target, name, decodeBody(text, mediaTypeOf(request.request), what)),
          subresource,
        );
      }
      case 'PATCH': {
        checkVerb(definition, 'patch');
        const mediaType = mediaTypeOf(request.request);
        checkPatchType(definition, subresource, mediaType);
        const target = this.#target(definition, request, 'PatchOptions');
        const text = await readBody(request.request, maxBodyBytes);
        const patch = mediaType === APPLY_PATCH ? decodeYaml(text, definition.kind) : decodeJson(text, 'a patch');
        return written(view, patchObject(target, name, mediaType, patch), subresource);
      }
      case 'DELETE':
        if (subresource !== undefined) throw methodNotAllowed();
        return this.#delete(definition, name, view, request);
      default:
        throw methodNotAllowed();
    }
  }

  #view(definition: ResourceDefinition, { request, query }: ResourceRequest): View {
    return {
      definition,
      representation: negotiate(request.headers.accept),
      includeObject: parseIncludeObject(query),
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
    checkVerb(definition, 'list');
    const view = this.#view(definition, request);
    const filter = parseFilter(definition, request.path.namespace, request.query);
    const { objects, metadata } = listPage(this.#options.store, definition, filter, request.query);
    return { status: 200, contentType: contentTypeOf(view), text: renderList(view, objects, metadata) };
  }

  #watch(definition: ResourceDefinition, request: ResourceRequest): typeof TAKEN_OVER {
    checkVerb(definition, 'watch');
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

  async #delete(definition: ResourceDefinition, name: string, view: View, request: ResourceRequest): Promise<Answer> {
    checkVerb(definition, 'delete');
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
    checkVerb(definition, 'deletecollection');
    const { store } = this.#options;
    const view = this.#view(definition, request);
    const { namespace } = request.path;
    if (definition.namespaced && namespace === undefined) throw methodNotAllowed();
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

  async #optionalBody({ request }: ResourceRequest): Promise<JsonValue | undefined> {
    const text = await readBody(request, this.#options.maxBodyBytes);
    return text.trim() === '' ? undefined : decodeBody(text, mediaTypeOf(request), 'DeleteOptions');
  }

  async #log(
    definition: ResourceDefinition,
    name: string,
    method: string,
    { path, query, response, signal }: ResourceRequest,
  ): Promise<typeof TAKEN_OVER> {
    if (method !== 'GET') throw methodNotAllowed();
    const namespace = path.namespace ?? '';
    this.#options.store.get(definition.plural, namespace, name);
    const log = this.#options.logs?.openLog(namespace, name, parseLogOptions(name, query, signal));
    if (log === undefined) throw badRequest(`there is no log of pod "${name}" yet`);
    response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-cache, private' });
    response.flushHeaders();
    for await (const piece of log) {
      if (signal.aborted) break;
      if (!response.write(piece)) await drained(response, signal);
    }
    response.end();
    return TAKEN_OVER;
  }
}

function resourceKey({ group, version, plural }: Pick<ResourceDefinition, 'group' | 'version' | 'plural'>): string {
  return `${group}/${version}/${plural}`;
}

function hasSubresource(definition: ResourceDefinition, subresource: string | undefined): boolean {
  if (subresource === undefined) return true;
  if (subresource === 'status') return definition.statusSubresource;
  return subresource === 'scale' && definition.scale !== undefined;
}

function checkVerb(definition: ResourceDefinition, verb: string): void {
  if (!definition.verbs.includes(verb)) throw methodNotAllowed();
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

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    response.once('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
