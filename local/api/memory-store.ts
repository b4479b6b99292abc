import { randomInt, randomUUID } from 'node:crypto';
import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { admit, fieldsOf } from './admission.ts';
import { ChangeHistory } from './change-history.ts';
import { asJsonObject, copyJson, frozenCopy, frozenLike, jsonEquals, readPath } from './json.ts';
import { isBuiltIn, readEnvelope } from './object-envelope.ts';
import { ObjectIndex } from './object-index.ts';
import { checkFinalizers, keepSystemFields, mergeUpdate, raiseGeneration } from './object-update.ts';
import { finalizersAfterDelete } from './propagation.ts';
import { alreadyExists, badRequest, conflict, invalid, notFound, nothingThere } from './refusals.ts';
import type { ResourceDefinition } from './resource.ts';
import { StatusError } from './status-error.ts';
import type { DeleteOptions, ListFilter, ObjectStore, WatchEvent, WriteOptions } from './store.ts';

/** What a store needs and how much it keeps. */
export interface ObjectStoreOptions {
  clock: Clock;
  /** Told of listeners that throw. */
  logger: Logger;
  /** How many changes of each resource a watch can start from. @default 8192 */
  historyLimit?: number;
  /** How many objects of each resource there may be; a create beyond it is refused with 403. @default 100_000 */
  objectLimit?: number;
}

/** Everything of one resource. */
interface Table {
  definition: ResourceDefinition;
  index: ObjectIndex;
  history: ChangeHistory;
  listeners: Set<(event: WatchEvent) => void>;
  /** What was written last: the next is often much like it. */
  lastWritten: KubernetesObject | undefined;
}

/** The counter starts above 1, so that a client that makes up a small version learns that it is too old. */
const START_VERSION = 100;
const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const NAME_SUFFIX_LENGTH = 5;
const MAX_GENERATED_NAME_BASE = 58;
const GENERATE_NAME_ATTEMPTS = 8;

/** The objects of the API, in memory; see {@link ObjectStore}. Starts empty: not even a namespace is there. */
export function createObjectStore(
  definitions: readonly ResourceDefinition[],
  options: ObjectStoreOptions,
): ObjectStore {
  return new MemoryStore(definitions, options);
}

class MemoryStore implements ObjectStore {
  readonly definitions: readonly ResourceDefinition[];
  readonly #tables = new Map<string, Table>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #objectLimit: number;
  #version = START_VERSION;
  /** Changes made by listeners wait here until all listeners have seen the change before. */
  readonly #undelivered: { table: Table; event: WatchEvent }[] = [];
  #delivering = false;

  constructor(definitions: readonly ResourceDefinition[], options: ObjectStoreOptions) {
    this.definitions = definitions;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#objectLimit = options.objectLimit ?? 100_000;
    for (const definition of definitions) {
      if (this.#tables.has(definition.plural)) throw new Error(`two definitions of ${definition.plural}`);
      const history = new ChangeHistory(options.historyLimit ?? 8192, START_VERSION);
      this.#tables.set(definition.plural, {
        definition,
        index: new ObjectIndex(),
        history,
        listeners: new Set(),
        lastWritten: undefined,
      });
    }
  }

  get resourceVersion(): string {
    return String(this.#version);
  }

  create<T extends KubernetesObject>(resource: string, object: T, options: WriteOptions = {}): T {
    const table = this.#table(resource);
    const { definition, index } = table;
    const created = readEnvelope(definition, fieldsOf(copyJson(object)), 'body');
    const { metadata } = created;
    metadata.name = this.#nameFor(table, created);
    if (!definition.namespaced) delete metadata.namespace;
    if (metadata.resourceVersion !== undefined && metadata.resourceVersion !== '') {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    delete metadata.resourceVersion;
    delete metadata.deletionTimestamp;
    delete metadata.deletionGracePeriodSeconds;
    if (definition.statusSubresource) delete fieldsOf(created)['status'];
    this.#checkNamespace(definition, metadata.namespace);
    admit(definition, created, undefined, true);
    if (index.get(metadata.namespace ?? '', metadata.name) !== undefined)
      throw alreadyExists(definition, metadata.name);
    if (index.size >= this.#objectLimit) {
      const message = `${definition.plural} are limited to ${this.#objectLimit}`;
      throw new StatusError(403, 'Forbidden', message, { name: metadata.name, kind: definition.plural });
    }
    metadata.uid = randomUUID();
    metadata.creationTimestamp = this.#timestamp();
    if (!isBuiltIn(definition)) metadata.generation = 1;
    return this.#write<T>(table, created, undefined, options);
  }

  get<T extends KubernetesObject>(resource: string, namespace: string, name: string): T {
    const found = this.find<T>(resource, namespace, name);
    if (found === undefined) throw notFound(this.#table(resource).definition, name);
    return found;
  }

  find<T extends KubernetesObject>(resource: string, namespace: string, name: string): T | undefined {
    const table = this.#table(resource);
    // The caller names the type of the objects it keeps under this resource.
    return table.index.get(table.definition.namespaced ? namespace : '', name) as T | undefined;
  }

  list<T extends KubernetesObject>(resource: string, filter: ListFilter = {}): T[] {
    return this.#table(resource).index.list(filter) as T[];
  }

  update<T extends KubernetesObject>(resource: string, object: T, options: WriteOptions = {}): T {
    const table = this.#table(resource);
    const { definition } = table;
    const sent = readEnvelope(definition, fieldsOf(copyJson(object)), 'body');
    const { name, resourceVersion, uid } = sent.metadata;
    const current = this.get(resource, sent.metadata.namespace ?? '', name);
    if (
      resourceVersion !== undefined &&
      resourceVersion !== '' &&
      resourceVersion !== current.metadata.resourceVersion
    ) {
      throw conflict(definition, name);
    }
    if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
      throw conflict(definition, name, `its uid is not ${uid}`);
    }
    const next = mergeUpdate(definition, current, sent, options.subresource);
    keepSystemFields(current, next);
    checkFinalizers(definition, current, next);
    admit(definition, next, current, options.subresource === undefined);
    keepSystemFields(current, next);
    if (jsonEquals(current, next)) return current as T;
    raiseGeneration(definition, current, next);
    if (current.metadata.deletionTimestamp !== undefined && !this.#isHeld(table, next)) {
      if (options.dryRun === true) return frozenCopy(next) as T;
      this.#remove(table, current);
      return frozenCopy(next) as T;
    }
    return this.#write<T>(table, next, current, options);
  }

  modify<T extends KubernetesObject>(
    resource: string,
    namespace: string,
    name: string,
    change: (copy: T) => void,
    options: WriteOptions = {},
  ): T | undefined {
    const current = this.find<T>(resource, namespace, name);
    if (current === undefined) return undefined;
    const copy = copyJson(current);
    change(copy);
    return this.update(resource, copy, options);
  }

  delete<T extends KubernetesObject>(
    resource: string,
    namespace: string,
    name: string,
    options: DeleteOptions = {},
  ): T {
    const table = this.#table(resource);
    const { definition } = table;
    const current = this.get<T>(resource, namespace, name);
    const { uid, resourceVersion } = options.preconditions ?? {};
    if (uid !== undefined && uid !== current.metadata.uid) {
      throw conflict(
        definition,
        name,
        `the precondition names the uid ${uid}, the object has ${current.metadata.uid ?? ''}`,
      );
    }
    if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
      const found = current.metadata.resourceVersion ?? '';
      throw conflict(
        definition,
        name,
        `the precondition names the resourceVersion ${resourceVersion}, the object has ${found}`,
      );
    }
    const marked: KubernetesObject = copyJson<KubernetesObject>(current);
    const finalizers = finalizersAfterDelete(current.metadata.finalizers, options.propagationPolicy);
    if (finalizers.length > 0) marked.metadata.finalizers = finalizers;
    else delete marked.metadata.finalizers;
    if (!this.#isHeld(table, marked)) {
      if (options.dryRun === true) return current;
      return this.#remove(table, current) as T;
    }
    if (current.metadata.deletionTimestamp !== undefined) {
      if (jsonEquals(current.metadata.finalizers, marked.metadata.finalizers)) return current;
      return this.#write<T>(table, marked, current, { dryRun: options.dryRun === true });
    }
    marked.metadata.deletionTimestamp = this.#timestamp();
    marked.metadata.deletionGracePeriodSeconds = options.gracePeriodSeconds ?? ownGraceSeconds(current);
    if (marked.metadata.generation !== undefined) marked.metadata.generation += 1;
    if (!isNamespaces(definition)) return this.#write<T>(table, marked, current, { dryRun: options.dryRun === true });
    const status = asJsonObject(fieldsOf(marked)['status']);
    fieldsOf(marked)['status'] = { ...status, phase: 'Terminating' };
    const terminating = this.#write<T>(table, marked, current, { dryRun: options.dryRun === true });
    if (options.dryRun !== true) this.#deleteContent(name);
    return terminating;
  }

  subscribe<T extends KubernetesObject>(resource: string, listener: (event: WatchEvent<T>) => void): () => void {
    const { listeners } = this.#table(resource);
    // A subscription of its own, so that one function given twice is called twice and ended apart.
    const own = (event: WatchEvent) => {
      listener(event as WatchEvent<T>);
    };
    listeners.add(own);
    return () => {
      listeners.delete(own);
    };
  }

  changesSince(resource: string, resourceVersion: string): WatchEvent[] {
    return this.#table(resource).history.since(Number(resourceVersion));
  }

  listAt(resource: string, resourceVersion: string): KubernetesObject[] {
    const { history, index } = this.#table(resource);
    return history.stateAt(Number(resourceVersion), index.list({}));
  }

  #table(resource: string): Table {
    const table = this.#tables.get(resource);
    if (table === undefined) throw nothingThere();
    return table;
  }

  #timestamp(): string {
    return `${new Date(this.#clock.nowMs()).toISOString().slice(0, 19)}Z`;
  }

  #nameFor({ definition, index }: Table, { metadata }: KubernetesObject): string {
    if (metadata.name !== undefined && metadata.name !== '') return metadata.name;
    const { generateName = '', namespace = '' } = metadata;
    if (generateName === '') {
      const message = 'Required value: name or generateName is required';
      throw invalid(definition, '', [{ reason: 'FieldValueRequired', field: 'metadata.name', message }]);
    }
    let name = '';
    for (let attempt = 0; attempt < GENERATE_NAME_ATTEMPTS; attempt += 1) {
      const suffix = Array.from({ length: NAME_SUFFIX_LENGTH }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]);
      name = generateName.slice(0, MAX_GENERATED_NAME_BASE) + suffix.join('');
      if (index.get(namespace, name) === undefined) break;
    }
    return name;
  }

  #checkNamespace(definition: ResourceDefinition, namespace: string | undefined): void {
    if (!definition.namespaced) return;
    if (namespace === undefined || namespace === '') {
      throw badRequest('an empty namespace may not be set during creation');
    }
    const namespaces = this.#tables.get('namespaces');
    if (namespaces === undefined) return;
    const found = namespaces.index.get('', namespace);
    if (found === undefined) throw notFound(namespaces.definition, namespace);
    if (found.metadata.deletionTimestamp !== undefined) {
      const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
      throw new StatusError(403, 'Forbidden', message, { name: namespace, kind: 'namespaces' });
    }
  }

  #write<T extends KubernetesObject>(
    table: Table,
    object: KubernetesObject,
    previous: KubernetesObject | undefined,
    options: WriteOptions,
  ): T {
    if (options.dryRun === true) return frozenCopy(object) as T;
    this.#version += 1;
    object.metadata.resourceVersion = String(this.#version);
    const stored = frozenLike(object, previous, table.lastWritten) as T;
    table.lastWritten = stored;
    table.index.put(stored);
    this.#announce(
      table,
      previous === undefined ? { type: 'ADDED', object: stored } : { type: 'MODIFIED', object: stored, previous },
    );
    return stored;
  }

  #remove(table: Table, current: KubernetesObject): KubernetesObject {
    this.#version += 1;
    const metadata = { ...current.metadata, resourceVersion: String(this.#version) };
    const last = Object.freeze({ ...current, metadata: Object.freeze(metadata) });
    table.index.remove(current);
    this.#announce(table, { type: 'DELETED', object: last, previous: current });
    this.#removeEmptiedNamespace(current.metadata.namespace);
    return last;
  }

  /** Whether a deleted object has to stay: for its finalizers, or as a namespace with something in it. */
  #isHeld({ definition }: Table, { metadata }: KubernetesObject): boolean {
    return (metadata.finalizers ?? []).length > 0 || (isNamespaces(definition) && this.#hasContent(metadata.name));
  }

  #hasContent(namespace: string): boolean {
    return [...this.#tables.values()].some(({ index }) => index.hasNamespace(namespace));
  }

  #deleteContent(namespace: string): void {
    for (const [resource, { index }] of this.#tables) {
      for (const { metadata } of index.list({ namespace })) {
        if (index.get(namespace, metadata.name) !== undefined) this.delete(resource, namespace, metadata.name);
      }
    }
  }

  #removeEmptiedNamespace(namespace: string | undefined): void {
    const table = this.#tables.get('namespaces');
    if (namespace === undefined || table === undefined) return;
    const holder = table.index.get('', namespace);
    if (holder?.metadata.deletionTimestamp !== undefined && !this.#isHeld(table, holder)) this.#remove(table, holder);
  }

  #announce(table: Table, event: WatchEvent): void {
    table.history.add(event);
    this.#undelivered.push({ table, event });
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#undelivered.shift(); next !== undefined; next = this.#undelivered.shift()) {
        for (const listener of Array.from(next.table.listeners)) this.#deliver(next.table, listener, next.event);
      }
    } finally {
      this.#delivering = false;
    }
  }

  /** A listener's fault must not undo a write that is done, nor keep the change from the other listeners. */
  #deliver(table: Table, listener: (event: WatchEvent) => void, event: WatchEvent): void {
    if (!table.listeners.has(listener)) return;
    try {
      listener(event);
    } catch (error) {
      this.#logger.error({ err: error, resource: table.definition.plural }, 'a listener failed on a change');
    }
  }
}

function isNamespaces({ group, plural }: ResourceDefinition): boolean {
  return group === '' && plural === 'namespaces';
}

/** What a Pod says its processes may take to end; other kinds say nothing. */
function ownGraceSeconds(object: KubernetesObject): number {
  const seconds = readPath(fieldsOf(object), ['spec', 'terminationGracePeriodSeconds']);
  return object.kind === 'Pod' && typeof seconds === 'number' ? seconds : 0;
}
