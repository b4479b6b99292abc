import fc from 'fast-check';
import { asJsonObject, copyJson, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { applyJsonPatch } from './json-patch.ts';
import { applyMergePatch, mergePatchBetween } from './merge-patch.ts';
import { applyStrategicMergePatch } from './strategic-merge-patch.ts';

const { value: json } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<JsonValue>(null, true, 1, 'x'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value'), { maxKeys: 3 }),
  ),
}));

/** The algorithm of RFC 7396, word by word, on a copy. */
function reference(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? target : {};
  for (const name of Object.keys(patch)) {
    const value = patch[name] ?? null;
    if (value === null) delete result[name];
    else result[name] = reference(result[name], value);
  }
  return result;
}

describe('merge patch', () => {
  test('does what RFC 7396 says and leaves its input as it was', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        expect(applyMergePatch(target, patch)).toEqual(reference(copyJson(target), copyJson(patch)));
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  test('between two objects makes one of the other, and is empty when they are the same', () => {
    const object = fc
      .dictionary(fc.constantFrom('a', 'b', 'c'), json)
      .map((value) => asJsonObject(applyMergePatch({}, value)));
    fc.assert(
      fc.property(object, object, (from, to) => {
        expect(applyMergePatch(from, mergePatchBetween(from, to))).toEqual(to);
        expect(mergePatchBetween(from, from)).toEqual({});
      }),
    );
  });

  test('does not reach the prototype', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":1}}') as JsonValue;
    expect(Reflect.get(Object(applyMergePatch({}, patch)), 'polluted')).toBeUndefined();
  });
});

describe('JSON patch', () => {
  test.each<[string, JsonValue, JsonValue, JsonValue]>([
    ['adds to an object', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['inserts into a list', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['appends to a list', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [
      'removes',
      { a: [1, 2], b: 1 },
      [
        { op: 'remove', path: '/a/0' },
        { op: 'remove', path: '/b' },
      ],
      { a: [2] },
    ],
    ['replaces', { a: 1 }, [{ op: 'replace', path: '/a', value: null }], { a: null }],
    ['moves', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copies', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
    ['tests', { a: { b: [1] } }, [{ op: 'test', path: '/a', value: { b: [1] } }], { a: { b: [1] } }],
    [
      'unescapes keys',
      { 'a/b': 1, 'c~d': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/c~0d' },
      ],
      {},
    ],
    ['adds nothing as null', { a: 1 }, [{ op: 'add', path: '/b' }], { a: 1, b: null }],
    ['replaces the whole', { a: 1 }, [{ op: 'replace', path: '', value: [] }], []],
  ])('%s', (_title, target, patch, expected) => {
    expect(applyJsonPatch(target, patch)).toEqual(expected);
  });

  test.each<[number, JsonValue]>([
    [422, [{ op: 'test', path: '/a', value: 2 }]],
    [422, [{ op: 'remove', path: '/b' }]],
    [422, [{ op: 'replace', path: '/b/c', value: 1 }]],
    [422, [{ op: 'add', path: '/list/5', value: 1 }]],
    [422, [{ op: 'add', path: '/list/01', value: 1 }]],
    [422, [{ op: 'add', path: '/a/b', value: 1 }]],
    [422, [{ op: 'move', from: '/deep', path: '/deep/in' }]],
    [422, [{ op: 'remove', path: '' }]],
    [422, [{ op: 'add', path: '/__proto__/x', value: 1 }]],
    [400, { op: 'add' }],
    [400, ['x']],
    [422, [{}]],
    [422, [null]],
    [422, [{ op: 'add', path: 'b', value: 1 }]],
    [422, [{ op: 'jump', path: '/b', value: 1 }]],
    [422, [{ op: 'move', path: '/b' }]],
    [400, null],
  ])('answers %j to %j', (code, patch) => {
    const target: JsonValue = { a: 1, list: [1], deep: { x: 1 } };
    const before = JSON.stringify(target);
    expect(() => applyJsonPatch(target, patch)).toThrow(expect.objectContaining({ code }));
    expect(JSON.stringify(target)).toBe(before);
  });
});

describe('strategic merge patch', () => {
  const pod: JsonObject = {
    metadata: { finalizers: ['a', 'b'], labels: { x: '1' } },
    spec: {
      containers: [
        { name: 'one', image: 'i:1', args: ['a'] },
        { name: 'two', image: 'i:1' },
      ],
      strategy: { type: 'A', a: 1 },
    },
  };

  test.each<[string, JsonValue, object]>([
    [
      'merges a list by its key',
      { spec: { containers: [{ name: 'two', image: 'i:2' }, { name: 'three' }], $setElementOrder: [] } },
      { spec: { containers: [{ name: 'one' }, { name: 'two', image: 'i:2' }, { name: 'three' }] } },
    ],
    [
      'deletes an item by its key',
      { spec: { containers: [{ name: 'one', $patch: 'delete' }] } },
      { spec: { containers: [{ name: 'two' }] } },
    ],
    [
      'replaces a list when told to',
      { spec: { containers: [{ $patch: 'replace' }, { name: 'x' }] } },
      { spec: { containers: [{ name: 'x' }] } },
    ],
    [
      'replaces a map when told to',
      { spec: { strategy: { $patch: 'replace', type: 'B' } } },
      { spec: { strategy: { type: 'B' } } },
    ],
    [
      'keeps only the keys it is told to',
      { spec: { strategy: { $retainKeys: ['type'], type: 'B' } } },
      { spec: { strategy: { type: 'B' } } },
    ],
    [
      'deletes from lists of strings and merges them',
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'], finalizers: ['c'], labels: { x: null, y: '2' } } },
      { metadata: { finalizers: ['b', 'c'], labels: { y: '2' } } },
    ],
  ])('%s', (_title, patch, expected) => {
    expect(applyStrategicMergePatch(pod, patch, {})).toMatchObject(expected);
  });

  test.each<[JsonValue, number]>([
    [[], 400],
    ['x', 400],
    [{ $patch: 'jump' }, 400],
    [{ $retainKeys: 'x' }, 400],
    [{ spec: { containers: ['x'] } }, 422],
  ])('refuses %j with %i', (patch, code) => {
    expect(() => applyStrategicMergePatch(pod, patch, {})).toThrow(expect.objectContaining({ code }));
  });
});
