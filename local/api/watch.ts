import type { ServerResponse } from 'node:http';
import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import { apiVersionOf } from './admission.ts';
import { versionOf } from './change-history.ts';
import type { ObjectFilter } from './listing.ts';
import { expired, invalidOptions, statusObject } from './refusals.ts';
import type { FieldFault } from './resource.ts';
import { renderWatched } from './representation.ts';
import type { View } from './representation.ts';
import { parseBoolean, parseNumber } from './request-options.ts';
import { StatusError } from './status-error.ts';
import type { ObjectStore, WatchEvent } from './store.ts';

/** Bounds of a watch. */
export interface WatchBounds {
  /** How long a watch lasts that names no `timeoutSeconds`, and the longest one may name. */
  maxWatchMs: number;
  /** How often a watch that asked for bookmarks gets one. */
  bookmarkIntervalMs: number;
  /** How many events may wait for a slow client before its watch is ended with 410. */
  maxPendingEvents: number;
}

/** What a watch asks for. */
export interface WatchRequest {
  /** Changes after this version; `undefined` for the objects as they are and every change from now on. */
  sinceVersion: number | undefined;
  sendInitialEvents: boolean | undefined;
  bookmarks: boolean;
  timeoutMs: number;
}

/**
 * Reads the options of a watch.
 *
 * @throws StatusError 400, 422; 500 for a `resourceVersion` that is no number, as Kubernetes answers it
 */
export function parseWatchRequest(query: URLSearchParams, bounds: WatchBounds): WatchRequest {
  const text = query.get('resourceVersion') ?? '';
  if (text !== '' && !/^\d{1,15}$/.test(text)) {
    throw new StatusError(500, '', `resourceVersion: Invalid value: ${JSON.stringify(text)}: it is not a whole number`);
  }
  const version = text === '' ? 0 : Number(text);
  const timeoutSeconds = parseNumber(query, 'timeoutSeconds') ?? 0;
  const sendInitialEvents = query.has('sendInitialEvents') ? parseBoolean(query, 'sendInitialEvents') : undefined;
  checkInitialEvents(query, sendInitialEvents);
  return {
    sinceVersion: version === 0 || sendInitialEvents === true ? undefined : version,
    sendInitialEvents,
    bookmarks: parseBoolean(query, 'allowWatchBookmarks'),
    // One that is over before it begins ends at once.
    timeoutMs:
      timeoutSeconds === 0 ? bounds.maxWatchMs : Math.min(Math.max(0, timeoutSeconds * 1000), bounds.maxWatchMs),
  };
}

function checkInitialEvents(query: URLSearchParams, sendInitialEvents: boolean | undefined): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const faults: FieldFault[] = [];
  const forbid = (why: string): void => {
    faults.push({ reason: 'FieldValueForbidden', field: 'resourceVersionMatch', message: `Forbidden: ${why}` });
  };
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    forbid('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (sendInitialEvents === undefined && match !== '') {
    forbid('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  }
  if (match !== '' && match !== 'NotOlderThan') {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"`;
    faults.push({ reason: 'FieldValueNotSupported', field: 'resourceVersionMatch', message });
  }
  if ((query.get('continue') ?? '') !== '') forbid('continue is forbidden for watch');
  if (faults.length > 0) throw invalidOptions('ListOptions', ...faults);
}

/** A watch from outside: for whoever has to break it. */
export interface OpenWatch {
  /** Plural. */
  readonly resource: string;
  /** Undefined for all namespaces. */
  readonly namespace: string | undefined;
  readonly userAgent: string;
  /** Undefined when it began with the objects as they were. */
  readonly sinceVersion: number | undefined;
  readonly isOpen: boolean;
  /** Calls back once when it is over, at once when it is already. */
  onClose(callback: () => void): void;
  /** Ends it in order. */
  end(): void;
  /** Breaks its connection off. */
  reset(): void;
  /** Tells the error as its last event and ends it. */
  fail(error: StatusError): void;
  /**
   * Sends nothing more, not even its end: what happens meanwhile, and what had not been sent yet, is never told.
   *
   * @returns has it go on with what happens from then on
   */
  silence(): () => void;
}

/** One watch: a stream of events, one JSON object a line, until its time is over or the client is gone. */
export class WatchStream implements OpenWatch {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #filter: ObjectFilter;
  readonly #view: View;
  readonly #request: WatchRequest;
  readonly #bounds: WatchBounds;
  readonly #response: ServerResponse;
  readonly #ends: (() => void)[] = [];
  #pending: WatchEvent[] = [];
  /** What the stream starts with is bounded by the store and does not count as falling behind. */
  #pendingLimit = 0;
  #flushing = false;
  #sentTable = false;
  #ended = false;
  /** How many want it silent. */
  #silencers = 0;
  #isTimeOver = false;

  constructor(
    response: ServerResponse,
    options: {
      store: ObjectStore;
      clock: Clock;
      filter: ObjectFilter;
      view: View;
      request: WatchRequest;
      bounds: WatchBounds;
    },
  ) {
    this.#response = response;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#filter = options.filter;
    this.#view = options.view;
    this.#request = options.request;
    this.#bounds = options.bounds;
  }

  /** Answers with what has happened so far and goes on until {@link end}. Takes over the response. */
  start(): void {
    const resource = this.#view.definition.plural;
    this.#response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
    this.#response.flushHeaders();
    this.#response.once('close', () => {
      this.end();
    });
    if (!this.#begin(resource)) return;
    this.#pendingLimit = this.#pending.length + this.#bounds.maxPendingEvents;
    this.#ends.push(
      this.#store.subscribe(resource, (event) => {
        this.#take(event);
      }),
      this.#clock.after(this.#request.timeoutMs, () => {
        this.#isTimeOver = true;
        this.#endInTime();
      }),
    );
    if (this.#request.bookmarks) this.#scheduleBookmark();
    this.#startFlush();
  }

  get resource(): string {
    return this.#view.definition.plural;
  }

  get namespace(): string | undefined {
    return this.#filter.namespace;
  }

  get userAgent(): string {
    return this.#response.req.headers['user-agent'] ?? '';
  }

  get sinceVersion(): number | undefined {
    return this.#request.sinceVersion;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  onClose(callback: () => void): void {
    if (this.#ended) callback();
    else this.#ends.push(callback);
  }

  /** Ends the stream. May be called again. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#pending = [];
    for (const end of this.#ends.splice(0)) end();
    this.#response.end();
  }

  reset(): void {
    this.#response.socket?.resetAndDestroy();
    this.end();
  }

  fail(error: StatusError): void {
    if (this.#ended) return;
    this.#response.write(`${JSON.stringify({ type: 'ERROR', object: statusObject(error) })}\n`);
    this.end();
  }

  silence(): () => void {
    this.#silencers += 1;
    this.#pending = [];
    return () => {
      this.#silencers -= 1;
      if (this.#isTimeOver) this.#endInTime();
    };
  }

  #endInTime(): void {
    if (this.#silencers > 0) return;
    if (this.#request.bookmarks) this.#sendBookmark();
    this.end();
  }

  /** Queues what comes before the changes from now on; false when the watch is over at once. */
  #begin(resource: string): boolean {
    const { sinceVersion, sendInitialEvents } = this.#request;
    if (sinceVersion === undefined) {
      if (sendInitialEvents === false) return true;
      const { namespace, labelSelector } = this.#filter;
      const objects = this.#store.list(resource, { labelSelector, ...(namespace === undefined ? {} : { namespace }) });
      for (const object of objects) if (this.#filter.matches(object)) this.#pending.push({ type: 'ADDED', object });
      return true;
    }
    try {
      for (const event of this.#store.changesSince(resource, String(sinceVersion))) {
        const seen = this.#seenThrough(event);
        if (seen !== undefined) this.#pending.push(seen);
      }
      return true;
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      this.fail(error);
      return false;
    }
  }

  #take(event: WatchEvent): void {
    const { sinceVersion } = this.#request;
    if (this.#silencers > 0) return;
    if (sinceVersion !== undefined && versionOf(event.object) <= sinceVersion) return;
    const seen = this.#seenThrough(event);
    if (seen === undefined) return;
    if (this.#pending.length >= this.#pendingLimit) {
      this.fail(expired('the watch fell too far behind: list again'));
      return;
    }
    this.#pending.push(seen);
    this.#startFlush();
  }

  /** The event as it looks through the selectors; `undefined` when it cannot be seen. */
  #seenThrough(event: WatchEvent): WatchEvent | undefined {
    const { object, previous } = event;
    const before = previous !== undefined && this.#filter.matches(previous);
    const after = event.type !== 'DELETED' && this.#filter.matches(object);
    if (!before && !after) return undefined;
    if (!before) return { type: 'ADDED', object };
    if (after) return { type: 'MODIFIED', object };
    if (event.type === 'DELETED') return { type: 'DELETED', object };
    // It left the selector: its last state inside, with the version of the change that took it out.
    const { resourceVersion = '' } = object.metadata;
    return { type: 'DELETED', object: { ...previous, metadata: { ...previous.metadata, resourceVersion } } };
  }

  /** Sends after the current task, so that the changes it makes go out in one piece. */
  #startFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flush();
    });
  }

  #flush(): void {
    const BATCH = 500;
    while (this.#pending.length > 0 && !this.#ended) {
      const batch = this.#pending.splice(0, BATCH);
      if (this.#response.write(batch.map((event) => this.#line(event)).join(''))) continue;
      this.#response.once('drain', () => {
        this.#flush();
      });
      return;
    }
    this.#flushing = false;
    this.#endInitialEvents();
  }

  #endInitialEvents(): void {
    if (this.#request.sendInitialEvents !== true || this.#ended) return;
    this.#request.sendInitialEvents = undefined;
    if (this.#request.bookmarks) this.#sendBookmark({ 'k8s.io/initial-events-end': 'true' });
  }

  #line({ type, object }: WatchEvent): string {
    const text = renderWatched({ ...this.#view, nowMs: this.#clock.nowMs() }, object, !this.#sentTable);
    this.#sentTable = true;
    return `{"type":"${type}","object":${text}}\n`;
  }

  #scheduleBookmark(): void {
    const cancel = this.#clock.after(this.#bounds.bookmarkIntervalMs, () => {
      this.#ends.splice(this.#ends.indexOf(cancel), 1);
      this.#sendBookmark();
      this.#scheduleBookmark();
    });
    this.#ends.push(cancel);
  }

  /** Tells the client how far it is, unless there are events on the way, which tell it as well. */
  #sendBookmark(annotations?: Record<string, string>): void {
    if (this.#flushing || this.#ended || this.#silencers > 0) return;
    const { definition, representation } = this.#view;
    const metadata = {
      resourceVersion: this.#store.resourceVersion,
      ...(annotations === undefined ? {} : { annotations }),
    };
    const marker = { kind: definition.kind, apiVersion: apiVersionOf(definition), metadata };
    const object = representation.as === 'Table' ? emptyTable(metadata, marker) : marker;
    this.#response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }
}

function emptyTable(
  { resourceVersion }: { resourceVersion: string },
  marker: Omit<KubernetesObject, 'metadata'>,
): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: { resourceVersion },
    columnDefinitions: null,
    rows: [{ cells: [], object: marker }],
  };
}
