import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import type { HoldStore } from '../allocation/hold.ts';
import { StoreDown } from '../allocation/store.ts';
import { CallError } from './kubernetes-connection.ts';
import type { KubernetesConnection, ResourcePath } from './kubernetes-connection.ts';

const LEASES: ResourcePath = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

/** What a lease of ours has beyond the fields of Kubernetes. */
const HOLD_ANNOTATION = 'regatta.dev/hold';

const FREE = '';

const leaseSchema = z.object({
  metadata: z.looseObject({
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .looseObject({
      holderIdentity: z.string().nullish(),
      acquireTime: z.string().nullish(),
      renewTime: z.string().nullish(),
      leaseTransitions: z.number().int().nullish(),
    })
    .nullish(),
});

type WireLease = z.output<typeof leaseSchema>;

/** As allocators of ours write it. */
const holdSchema = z.object({ holder: z.string(), renewals: z.number(), replica: z.string() });

export interface KubernetesLeaseOptions {
  connection: KubernetesConnection;
  clock: Clock;
  leaseMs: number;
  /** Called when Kubernetes does not serve Leases, or does not let us have one. */
  onRefused: (why: string) => void;
}

/**
 * Leases of Kubernetes as a store for holds: each is read and replaced by its resourceVersion. Its times are for people: who
 * watches it goes by what is seen to change.
 */
export class KubernetesLease implements HoldStore {
  /** Kubernetes loses nothing. */
  readonly unbrokenSinceMs = Number.NEGATIVE_INFINITY;
  readonly #options: KubernetesLeaseOptions;

  constructor(options: KubernetesLeaseOptions) {
    this.#options = options;
  }

  async get(name: string): Promise<string | undefined> {
    const lease = await this.#read(name);
    return lease === undefined ? undefined : textOf(lease);
  }

  async putIfAbsent(name: string, text: string): Promise<string> {
    try {
      await this.#options.connection.create(LEASES, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, annotations: { [HOLD_ANNOTATION]: text } },
        spec: this.#specOf(text, undefined),
      });
      return text;
    } catch (error) {
      const isThere = error instanceof CallError && error.fault === 'conflict';
      if (!isThere) throw this.#asStoreDown(error, { isCreation: true });
    }
    const there = await this.get(name);
    if (there === undefined) throw new StoreDown('a Lease came and went');
    return there;
  }

  async replace(name: string, expected: string, text: string): Promise<boolean> {
    const lease = await this.#read(name);
    if (lease === undefined || textOf(lease) !== expected) return false;
    const { metadata, spec } = lease;
    try {
      await this.#options.connection.replace(LEASES, name, {
        ...lease,
        metadata: { ...metadata, annotations: { ...metadata.annotations, [HOLD_ANNOTATION]: text } },
        spec: { ...spec, ...this.#specOf(text, lease) },
      });
      return true;
    } catch (error) {
      if (error instanceof CallError && (error.fault === 'conflict' || error.fault === 'not_found')) return false;
      throw this.#asStoreDown(error);
    }
  }

  async #read(name: string): Promise<WireLease | undefined> {
    let raw: unknown;
    try {
      raw = await this.#options.connection.get(LEASES, name);
    } catch (error) {
      if (error instanceof CallError && error.fault === 'not_found') return undefined;
      throw this.#asStoreDown(error);
    }
    const parsed = leaseSchema.loose().safeParse(raw);
    if (!parsed.success) throw new StoreDown('a Lease makes no sense', { cause: parsed.error });
    return parsed.data;
  }

  #specOf(text: string, before: WireLease | undefined): object {
    const { clock, leaseMs } = this.#options;
    const now = microTime(clock.nowMs());
    const holderIdentity = replicaOf(text) ?? '';
    const holderBefore = before?.spec?.holderIdentity ?? '';
    const isSame = holderBefore === holderIdentity;
    const transitions = before?.spec?.leaseTransitions ?? 0;
    return {
      holderIdentity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      acquireTime: isSame ? (before?.spec?.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: isSame || holderIdentity === '' || before === undefined ? transitions : transitions + 1,
    };
  }

  #asStoreDown(error: unknown, { isCreation = false } = {}): StoreDown {
    if (!(error instanceof CallError)) return new StoreDown('a Lease cannot be had', { cause: error });
    // Nothing to make it of: the group itself is not there.
    const isUnknownKind = isCreation && error.fault === 'not_found';
    if (error.fault === 'refused' || isUnknownKind) this.#options.onRefused(error.message);
    return new StoreDown(error.message, { cause: error });
  }
}

/** What stands for a Lease: differs with every write of it. */
function textOf({ metadata, spec }: WireLease): string {
  const holder = spec?.holderIdentity ?? '';
  if (holder === '') return FREE;
  const text = metadata.annotations?.[HOLD_ANNOTATION] ?? '';
  if (replicaOf(text) === holder) return text;
  // Written by something else.
  return JSON.stringify({ holder: `${holder} ${spec?.renewTime ?? ''}`, renewals: 0, replica: holder });
}

/** Who holds it by our annotation; undefined where that is none of ours. */
function replicaOf(text: string): string | undefined {
  try {
    return holdSchema.parse(JSON.parse(text)).replica;
  } catch {
    return undefined;
  }
}

/** Kubernetes takes six digits of a second, no more and no fewer. */
function microTime(atMs: number): string {
  return new Date(atMs).toISOString().replace('Z', '000Z');
}
