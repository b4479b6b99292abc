import fc from 'fast-check';
import type { KubernetesObject } from '../../lib/agones.ts';
import { ManualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createObjectStore } from './memory-store.ts';
import type { ObjectStore, WatchEvent } from './store.ts';
import { boat, testDefinitions } from './testing/boat-definitions.ts';

interface Boat extends KubernetesObject {
  spec: { seats?: number; colour?: string };
  status?: { taken?: number };
}

function openStore(options: { historyLimit?: number; objectLimit?: number } = {}): ObjectStore {
  const clock = new ManualClock(Date.parse('2026-01-02T03:04:05.678Z'));
  const store = createObjectStore(testDefinitions, { clock, logger: silentLogger, ...options });
  store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
  return store;
}

function refusal(code: number, reason: string): unknown {
  return expect.objectContaining({ code, reason });
}

describe('a new object', () => {
  test('gets uid, version, generation, time and defaults, and is frozen all through', () => {
    const created = openStore().create('boats', boat('a', { seats: 1 }));
    expect(created).toMatchObject({ spec: { seats: 1, colour: 'white' } });
    expect(created.metadata).toMatchObject({ generation: 1, creationTimestamp: '2026-01-02T03:04:05Z' });
    expect(created.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.isFrozen(created.metadata)).toBe(true);
    expect(Object.isFrozen((created as Boat).spec)).toBe(true);
  });

  test('shares nothing with what was sent', () => {
    const store = openStore();
    const sent = boat('a', { seats: 1, flags: ['x'] });
    store.create('boats', sent);
    Object.assign(sent, { spec: { seats: 5 } });
    expect(store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 1 } });
  });

  test('is named by generateName and the name is free', () => {
    const store = openStore();
    const names = Array.from({ length: 50 }, () => {
      const { metadata, ...rest } = boat('');
      return store.create('boats', { ...rest, metadata: { ...metadata, generateName: 'g-' } }).metadata.name;
    });
    expect(new Set(names).size).toBe(50);
    expect(names.every((name) => /^g-[a-z0-9]{5}$/.test(name))).toBe(true);
  });

  test('loses status and fields its schema does not know, but keeps those below an open field', () => {
    const sent = { ...boat('a', { seats: 1, wings: 2, notes: { any: { thing: 1 } } }), status: { taken: 1 }, extra: 1 };
    const created = openStore().create('boats', sent);
    expect(created).toMatchObject({ spec: { notes: { any: { thing: 1 } } } });
    expect(created).not.toHaveProperty('spec.wings');
    expect(created).not.toHaveProperty('status');
    expect(created).not.toHaveProperty('extra');
  });

  test.each<[string, KubernetesObject, unknown]>([
    ['in a namespace that is not there', boat('a', {}, { namespace: 'nowhere' }), refusal(404, 'NotFound')],
    ['without a namespace', boat('a', {}, { namespace: '' }), refusal(400, 'BadRequest')],
    ['without a name', boat(''), refusal(422, 'Invalid')],
    ['with capitals in its name', boat('A'), refusal(422, 'Invalid')],
    ['with a name that is too long', boat('a'.repeat(254)), refusal(422, 'Invalid')],
    ['with a bad label', boat('a', {}, { labels: { a: 'not ok!' } }), refusal(422, 'Invalid')],
    ['with a bad label key', boat('a', {}, { labels: { 'a b': 'c' } }), refusal(422, 'Invalid')],
    ['with too many annotations', boat('a', {}, { annotations: { a: 'x'.repeat(270_000) } }), refusal(422, 'Invalid')],
    ['with a resourceVersion', boat('a', {}, { resourceVersion: '5' }), refusal(400, 'BadRequest')],
    ['with a field of a wrong type', boat('a', { seats: 'two' }), refusal(422, 'Invalid')],
    ['that admission refuses', boat('a', { seats: 9 }), refusal(422, 'Invalid')],
    ['with negative replicas', boat('a', { seats: -1 }), refusal(422, 'Invalid')],
    ['of another kind', { ...boat('a'), kind: 'Ship' }, refusal(422, 'Invalid')],
    ['of another version', { ...boat('a'), apiVersion: 'harbour.example/v2' }, refusal(400, 'BadRequest')],
  ])('%s is refused and changes nothing', (_title, sent, expected) => {
    const store = openStore();
    const before = store.resourceVersion;
    expect(() => store.create('boats', sent)).toThrow(expected as Error);
    expect(store.resourceVersion).toBe(before);
    expect(store.list('boats')).toEqual([]);
  });

  test('names each fault as a cause', () => {
    try {
      openStore().create('boats', boat('a', { seats: 'two', colour: 1 }));
    } catch (error) {
      expect(error).toMatchObject({
        details: {
          name: 'a',
          group: 'harbour.example',
          kind: 'Boat',
          causes: [
            { field: 'spec.seats', reason: 'FieldValueTypeInvalid' },
            { field: 'spec.colour', reason: 'FieldValueTypeInvalid' },
            { field: '.spec.seats', reason: 'FieldValueInvalid' },
          ],
        },
      });
    }
    expect.assertions(1);
  });

  test('is refused with 409 when the name is taken, with 403 when there are as many as there may be', () => {
    const store = openStore({ objectLimit: 1 });
    store.create('boats', boat('a'));
    expect(() => store.create('boats', boat('a'))).toThrow(refusal(409, 'AlreadyExists') as Error);
    expect(() => store.create('boats', boat('b'))).toThrow(refusal(403, 'Forbidden') as Error);
  });
});

describe('an update', () => {
  test('with a stale version is refused, without one it overwrites', () => {
    const store = openStore();
    const first = store.create('boats', boat('a'));
    store.update('boats', boat('a', { seats: 3 }));
    expect(() => store.update('boats', first)).toThrow(refusal(409, 'Conflict') as Error);
    expect(store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 3 } });
  });

  test('for another uid is refused', () => {
    const store = openStore();
    store.create('boats', boat('a'));
    expect(() => store.update('boats', boat('a', {}, { uid: 'other' }))).toThrow(refusal(409, 'Conflict') as Error);
  });

  test('that changes nothing keeps the version and wakes nobody', () => {
    const store = openStore();
    const created = store.create('boats', boat('a'));
    const events: WatchEvent[] = [];
    store.subscribe('boats', (event) => events.push(event));
    expect(store.update('boats', boat('a'))).toBe(created);
    expect(events).toEqual([]);
  });

  test('raises the generation for spec, not for metadata and status', () => {
    const store = openStore();
    store.create('boats', boat('a'));
    const change = (boatChange: (copy: Boat) => void, options = {}) =>
      store.modify<Boat>('boats', 'default', 'a', boatChange, options)?.metadata.generation;
    expect(change(({ metadata }) => (metadata.labels = { a: 'b' }))).toBe(1);
    expect(change((copy) => (copy.status = { taken: 1 }), { subresource: 'status' })).toBe(1);
    expect(change(({ spec }) => (spec.seats = 4))).toBe(2);
  });

  test('raises the generation for status too where that is no subresource', () => {
    const store = openStore();
    store.create('crews', { ...boat('a'), kind: 'Crew' });
    const changed = store.modify<Boat>('crews', 'default', 'a', (copy) => (copy.status = { taken: 1 }));
    expect(changed).toMatchObject({ metadata: { generation: 2 }, status: { taken: 1 } });
  });

  test('leaves status alone, and one of status leaves the rest alone', () => {
    const store = openStore();
    store.create('boats', boat('a'));
    store.update('boats', { ...boat('a', { seats: 7 }), status: { taken: 2 } }, { subresource: 'status' });
    expect(store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 2 }, status: { taken: 2 } });
    store.update('boats', { ...boat('a', { seats: 7 }), status: { taken: 9 } });
    expect(store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 7 }, status: { taken: 2 } });
  });

  test('of scale takes the replicas alone', () => {
    const store = openStore();
    store.create('boats', boat('a'));
    store.update('boats', boat('a', { seats: 5, colour: 'red' }), { subresource: 'scale' });
    expect(store.get('boats', 'default', 'a')).toMatchObject({ spec: { seats: 5, colour: 'white' } });
  });

  test('cannot change what the store writes', () => {
    const store = openStore();
    const created = store.create('boats', boat('a'));
    store.modify('boats', 'default', 'a', ({ metadata }) => {
      Object.assign(metadata, { creationTimestamp: '2020-01-01T00:00:00Z', generation: 50, labels: { x: 'y' } });
      Object.assign(metadata, { deletionTimestamp: '2020-01-01T00:00:00Z' });
    });
    const { creationTimestamp, generation, labels, deletionTimestamp } = store.get('boats', 'default', 'a').metadata;
    expect({ creationTimestamp, generation }).toEqual({
      creationTimestamp: created.metadata.creationTimestamp,
      generation: 1,
    });
    expect([labels, deletionTimestamp]).toEqual([{ x: 'y' }, undefined]);
  });

  test('of what is not there is NotFound, and modify gives nothing', () => {
    const store = openStore();
    expect(() => store.update('boats', boat('a'))).toThrow(refusal(404, 'NotFound') as Error);
    expect(store.modify('boats', 'default', 'a', () => undefined)).toBeUndefined();
  });
});

describe('a dry run', () => {
  test('answers what would be and changes nothing', () => {
    const store = openStore();
    store.create('boats', boat('a', {}, { finalizers: ['x.y/z'] }));
    const before = store.resourceVersion;
    expect(store.create('boats', boat('b'), { dryRun: true })).toMatchObject({ spec: { colour: 'white' } });
    expect(store.update('boats', boat('a', { seats: 3 }), { dryRun: true })).toMatchObject({ spec: { seats: 3 } });
    const deleted = store.delete('boats', 'default', 'a', { dryRun: true });
    expect(deleted.metadata.deletionTimestamp).toBeDefined();
    expect(store.resourceVersion).toBe(before);
    expect(store.get('boats', 'default', 'a').metadata.deletionTimestamp).toBeUndefined();
  });
});

describe('a deleted object', () => {
  test('is gone, and its last event has the version of the deletion', () => {
    const store = openStore();
    const { metadata } = store.create('boats', boat('a'));
    const events: WatchEvent[] = [];
    store.subscribe('boats', (event) => events.push(event));
    store.delete('boats', 'default', 'a');
    expect(store.find('boats', 'default', 'a')).toBeUndefined();
    expect(events).toMatchObject([{ type: 'DELETED', object: { metadata: { uid: metadata.uid } } }]);
    expect(Number(events[0]?.object.metadata.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion));
  });

  test('stays while it has finalizers, takes no new ones, and goes with the last', () => {
    const store = openStore();
    store.create('boats', boat('a', {}, { finalizers: ['x.y/z'] }));
    const marked = store.delete('boats', 'default', 'a');
    expect(marked.metadata).toMatchObject({ generation: 2, deletionTimestamp: '2026-01-02T03:04:05Z' });
    expect(store.delete('boats', 'default', 'a')).toBe(marked);
    expect(() =>
      store.modify('boats', 'default', 'a', ({ metadata }) => metadata.finalizers?.push('new.one/x')),
    ).toThrow(refusal(422, 'Invalid') as Error);
    store.modify('boats', 'default', 'a', ({ metadata }) => delete metadata.finalizers);
    expect(store.find('boats', 'default', 'a')).toBeUndefined();
  });

  test('stays when a precondition does not hold', () => {
    const store = openStore();
    store.create('boats', boat('a'));
    const wrongUid = { preconditions: { uid: 'other' } };
    const wrongVersion = { preconditions: { resourceVersion: '1' } };
    expect(() => store.delete('boats', 'default', 'a', wrongUid)).toThrow(refusal(409, 'Conflict') as Error);
    expect(() => store.delete('boats', 'default', 'a', wrongVersion)).toThrow(refusal(409, 'Conflict') as Error);
    expect(store.find('boats', 'default', 'a')).toBeDefined();
  });

  test.each([
    ['Orphan', 'orphan'],
    ['Foreground', 'foregroundDeletion'],
  ] as const)(
    'with policy %s stays until the garbage collector lets go, or another delete does',
    (policy, finalizer) => {
      const store = openStore();
      store.create('boats', boat('a'));
      const { metadata } = store.delete('boats', 'default', 'a', { propagationPolicy: policy });
      expect(metadata).toMatchObject({ finalizers: [finalizer], deletionTimestamp: expect.anything() });
      expect(store.delete('boats', 'default', 'a').metadata.resourceVersion).toBe(metadata.resourceVersion);
      store.delete('boats', 'default', 'a', { propagationPolicy: 'Background' });
      expect(store.find('boats', 'default', 'a')).toBeUndefined();
    },
  );
});

describe('a deleted namespace', () => {
  test('takes what is in it along, nothing new comes in, and it goes last', () => {
    const store = openStore();
    store.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'two' } });
    store.create('boats', boat('a', {}, { namespace: 'two' }));
    store.create('boats', boat('b', {}, { namespace: 'two', finalizers: ['x.y/z'] }));
    expect(store.delete('namespaces', '', 'two')).toMatchObject({ status: { phase: 'Terminating' } });
    expect(store.list('boats', { namespace: 'two' }).map(({ metadata }) => metadata.name)).toEqual(['b']);
    expect(() => store.create('boats', boat('c', {}, { namespace: 'two' }))).toThrow(
      refusal(403, 'Forbidden') as Error,
    );
    store.modify('boats', 'two', 'b', ({ metadata }) => delete metadata.finalizers);
    expect(store.find('namespaces', '', 'two')).toBeUndefined();
  });
});

describe('listeners', () => {
  test('see changes in order, also those that other listeners make', () => {
    const store = openStore();
    const seen: string[] = [];
    store.subscribe('boats', ({ type, object }) => {
      if (type === 'ADDED')
        store.modify('boats', 'default', object.metadata.name, (copy) => (copy.metadata.labels = { a: 'b' }));
    });
    store.subscribe('boats', ({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
    store.create('boats', boat('a'));
    expect(seen).toEqual(['ADDED a', 'MODIFIED a']);
  });

  test('that throw keep nothing from the others, and hear nothing after their end', () => {
    const store = openStore();
    const seen: string[] = [];
    store.subscribe('boats', () => {
      throw new Error('broken');
    });
    const end = store.subscribe('boats', ({ type }) => seen.push(type));
    store.create('boats', boat('a'));
    end();
    store.delete('boats', 'default', 'a');
    expect(seen).toEqual(['ADDED']);
  });
});

describe('history', () => {
  test('that was dropped is refused with 410', () => {
    const store = openStore({ historyLimit: 3 });
    const before = store.resourceVersion;
    for (const name of ['a', 'b', 'c', 'd']) store.create('boats', boat(name));
    expect(() => store.changesSince('boats', before)).toThrow(refusal(410, 'Expired') as Error);
    expect(store.changesSince('boats', String(Number(before) + 1))).toHaveLength(3);
  });

  type Step = { act: 'create' | 'update' | 'delete' | 'label'; name: string; seats: number };
  const steps: fc.Arbitrary<Step[]> = fc.array(
    fc.record({
      act: fc.constantFrom('create' as const, 'update' as const, 'delete' as const, 'label' as const),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      seats: fc.integer({ min: 0, max: 10 }),
    }),
    { maxLength: 40 },
  );

  function take(store: ObjectStore, { act, name, seats }: Step): void {
    try {
      if (act === 'create') store.create('boats', boat(name, { seats }));
      if (act === 'update') store.update('boats', boat(name, { seats }));
      if (act === 'delete') store.delete('boats', 'default', name);
      if (act === 'label') {
        store.modify('boats', 'default', name, ({ metadata }) => (metadata.labels = { seats: String(seats % 3) }));
      }
    } catch (error) {
      expect(error).toHaveProperty('code');
    }
  }

  test('replayed from any version gives what is listed; versions only rise; old lists are what they were', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const store = openStore();
        const versions: number[] = [];
        store.subscribe('boats', ({ object }) => versions.push(Number(object.metadata.resourceVersion)));
        const past: { version: string; listed: KubernetesObject[] }[] = [];
        for (const step of list) {
          past.push({ version: store.resourceVersion, listed: store.list('boats') });
          take(store, step);
        }
        expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
        for (const { version, listed } of past) {
          const replayed = new Map(listed.map((object) => [object.metadata.name, object]));
          for (const { type, object } of store.changesSince('boats', version)) {
            if (type === 'DELETED') replayed.delete(object.metadata.name);
            else replayed.set(object.metadata.name, object);
          }
          const sorted = [...replayed.values()].toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
          expect(sorted).toEqual(store.list('boats'));
          expect(store.listAt('boats', version)).toEqual(listed);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('lists by a label what a walk over all finds', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const store = openStore();
        for (const step of list) take(store, step);
        for (const value of ['0', '1', '2']) {
          const found = store.list('boats', { labelSelector: `seats=${value}` });
          expect(found).toEqual(store.list('boats').filter(({ metadata }) => metadata.labels?.['seats'] === value));
        }
      }),
      { numRuns: 40 },
    );
  });
});
