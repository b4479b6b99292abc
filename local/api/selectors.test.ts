import fc from 'fast-check';
import { compileLabelSelector, formatLabelSelector, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import type { LabelRequirement } from './selectors.ts';

const name = fc
  .stringMatching(/^[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?$/)
  .filter((text) => text !== 'in' && text !== 'notin');
const key = fc.oneof(
  name,
  fc.tuple(fc.stringMatching(/^[a-z]{1,5}(\.[a-z]{1,3})?$/), name).map(([prefix, rest]) => `${prefix}/${rest}`),
);
const value = fc.oneof(fc.constant(''), name);
const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
  fc.record({ key, operator: fc.constantFrom('=' as const, '!=' as const), values: value.map((text) => [text]) }),
  fc.record({
    key,
    operator: fc.constantFrom('in' as const, 'notin' as const),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((values) => values.toSorted()),
  }),
  fc.record({ key, operator: fc.constantFrom('exists' as const, '!' as const), values: fc.constant([]) }),
  fc.record({
    key,
    operator: fc.constantFrom('>' as const, '<' as const),
    values: fc.integer({ min: 0, max: 99 }).map((number) => [String(number)]),
  }),
);

describe('label selectors', () => {
  test('read back what they were written from', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 5 }), (requirements) => {
        expect(parseLabelSelector(formatLabelSelector(requirements))).toEqual(requirements);
      }),
    );
  });

  test.each([
    ['', { a: 'b' }, true],
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b,c),d', { a: 'c' }, false],
    ['a notin (b)', {}, true],
    ['!a', {}, true],
    ['!a', { a: '' }, false],
    ['a', { a: '' }, true],
    ['a=', { a: '' }, true],
    ['a=,b', { a: '', b: 'x' }, true],
    ['example.com/a=b', { 'example.com/a': 'b' }, true],
    ['a>5', { a: '6' }, true],
    ['a<5', { a: '6' }, false],
    ['a>5', { a: 'x' }, false],
    ['toString', {}, false],
  ])('%j against %j is %j', (selector, labels, expected) => {
    expect(compileLabelSelector(selector).matches(labels)).toBe(expected);
  });

  test.each([
    '===',
    'a=b=c',
    'a in',
    'a in (',
    'a in (b',
    'a in b',
    ',',
    'a,',
    'a,,b',
    '!',
    'a b',
    'a>x',
    '-a',
    'a=b c',
    '()',
  ])('refuses %j with 400', (selector) => {
    expect(() => parseLabelSelector(selector)).toThrow(expect.objectContaining({ code: 400, reason: 'BadRequest' }));
  });

  test('never fail in another way, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab=!<>(),in not-./ ')) }), (text) => {
        try {
          parseLabelSelector(text);
        } catch (error) {
          expect(error).toMatchObject({ code: 400 });
        }
      }),
    );
  });
});

describe('field selectors', () => {
  test('are read with their escapes', () => {
    expect(parseFieldSelector(String.raw`a.b=c\,d,e!=f\=,g==`)).toEqual([
      { field: 'a.b', operator: '=', value: 'c,d' },
      { field: 'e', operator: '!=', value: 'f=' },
      { field: 'g', operator: '=', value: '' },
    ]);
  });

  test.each(['a', '=b', 'a=b,c', '!a'])('%j is refused with 400', (selector) => {
    expect(() => parseFieldSelector(selector)).toThrow(expect.objectContaining({ code: 400 }));
  });
});
