import type { KubernetesObject } from '../../lib/agones.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { ObjectStore } from '../api/store.ts';
import { toTimestamp } from './timestamps.ts';

/**
 * Writes down that something happened to an object: what `kubectl describe` lists at its end.
 *
 * `fieldPath` names the part of the object it is about, e.g. `spec.containers{game}`.
 */
export type RecordEvent = (
  about: KubernetesObject,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
  fieldPath?: string,
) => void;

/** An event of core/v1. */
export interface CoreEvent extends KubernetesObject {
  involvedObject: {
    kind: string;
    namespace: string;
    name: string;
    uid: string;
    apiVersion: string;
    resourceVersion: string;
    fieldPath?: string;
  };
  reason: string;
  message: string;
  source: { component: string };
  firstTimestamp: string;
  lastTimestamp: string;
  count: number;
  type: 'Normal' | 'Warning';
  eventTime: string | null;
  reportingComponent: string;
  reportingInstance: string;
}

export interface EventRecorderOptions {
  store: ObjectStore;
  clock: Clock;
  log: Logger;
  /** Beyond this the oldest events go. @default 2000 */
  maxEvents?: number;
  /** How long an event is kept after it was last seen. @default one hour, as in Kubernetes */
  retentionMs?: number;
}

interface RecordedEvent {
  namespace: string;
  name: string;
  lastMs: number;
}

/**
 * Keeps the events of all components, one object for each kind of happening to each object: what happens again is
 * counted, not listed again.
 */
export class EventRecorder {
  readonly #options: Required<EventRecorderOptions>;
  /** In order of their last time. */
  readonly #recorded = new Map<string, RecordedEvent>();
  #lastName = 0n;

  constructor(options: EventRecorderOptions) {
    this.#options = { maxEvents: 2000, retentionMs: 3_600_000, ...options };
  }

  /** The recorder of one component, named as Agones names its own, e.g. `gameserver-controller`. */
  from(component: string): RecordEvent {
    return (about, type, reason, message, fieldPath) => {
      try {
        this.#record(component, about, { type, reason, message }, fieldPath);
      } catch (error) {
        // An event is a courtesy: what it tells of has happened and must not fail with it.
        this.#options.log.debug({ err: error, reason }, 'an event could not be written');
      }
    };
  }

  #record(
    component: string,
    about: KubernetesObject,
    { type, reason, message }: Pick<CoreEvent, 'type' | 'reason' | 'message'>,
    fieldPath?: string,
  ): void {
    const { store, clock } = this.#options;
    const nowMs = clock.nowMs();
    const now = toTimestamp(nowMs);
    const key = JSON.stringify([about.metadata.uid, fieldPath, component, type, reason, message]);
    const known = this.#recorded.get(key);
    if (known !== undefined) {
      const counted = store.modify<CoreEvent>('events', known.namespace, known.name, (event) => {
        event.count += 1;
        event.lastTimestamp = now;
      });
      this.#recorded.delete(key);
      if (counted !== undefined) {
        this.#recorded.set(key, { ...known, lastMs: nowMs });
        return;
      }
    }
    const namespace = about.metadata.namespace ?? 'default';
    const event: CoreEvent = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: this.#nextName(about.metadata.name, nowMs), namespace },
      involvedObject: {
        kind: about.kind,
        namespace,
        name: about.metadata.name,
        uid: about.metadata.uid ?? '',
        apiVersion: about.apiVersion,
        resourceVersion: about.metadata.resourceVersion ?? '',
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      reason,
      message,
      source: { component },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      eventTime: null,
      reportingComponent: component,
      reportingInstance: '',
    };
    store.create('events', event);
    this.#recorded.set(key, { namespace, name: event.metadata.name, lastMs: nowMs });
    this.#forgetOld(nowMs);
  }

  /** Kubernetes names events by the object and a time in nanoseconds; two are never the same here. */
  #nextName(objectName: string, nowMs: number): string {
    const nowNs = BigInt(Math.trunc(nowMs)) * 1_000_000n;
    this.#lastName = nowNs > this.#lastName ? nowNs : this.#lastName + 1n;
    return `${objectName}.${this.#lastName.toString(16).padStart(16, '0')}`;
  }

  #forgetOld(nowMs: number): void {
    const { store, maxEvents, retentionMs } = this.#options;
    for (const [key, { namespace, name, lastMs }] of this.#recorded) {
      if (this.#recorded.size <= maxEvents && nowMs - lastMs <= retentionMs) return;
      this.#recorded.delete(key);
      if (store.find('events', namespace, name) !== undefined) store.delete('events', namespace, name);
    }
  }
}
