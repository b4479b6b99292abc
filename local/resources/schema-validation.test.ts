import type { JsonObject, JsonValue } from '../api/json.ts';
import { isCronExpression } from './cron-expression.ts';
import { durationMs } from './duration.ts';
import { quantityValue } from './resource-quantities.ts';
import { applySchemaDefaults } from './schema-defaults.ts';
import type { SchemaPart } from './schema-parts.ts';
import { schemaFaults } from './schema-validation.ts';

function faultsOf(value: JsonValue, schema: SchemaPart): string[] {
  const object: JsonObject = { field: value };
  const faults = schemaFaults(object, { type: 'object', properties: { field: schema } });
  return faults.map(({ reason, field }) => `${reason} ${field}`);
}

describe('a value against its schema', () => {
  it.each<[string, JsonValue, SchemaPart, string[]]>([
    ['a number for text', 1, { type: 'string' }, ['FieldValueTypeInvalid field']],
    ['a fraction for a whole number', 1.5, { type: 'integer' }, ['FieldValueTypeInvalid field']],
    ['a whole number for a number', 1, { type: 'number' }, []],
    ['null', null, { type: 'string' }, ['FieldValueTypeInvalid field']],
    ['null where it may be', null, { type: 'string', nullable: true, enum: ['a'] }, []],
    ['a list for a number or text', [], { 'x-kubernetes-int-or-string': true }, ['FieldValueTypeInvalid field']],
    ['text for a number or text', '25%', { 'x-kubernetes-int-or-string': true }, []],
    [
      'a word that is not among those known',
      'c',
      { type: 'string', enum: ['a', 'b'] },
      ['FieldValueNotSupported field'],
    ],
    ['too small a number', 0, { type: 'integer', minimum: 1 }, ['FieldValueInvalid field']],
    [
      'a number at its open end',
      0,
      { type: 'integer', minimum: 0, exclusiveMinimum: true },
      ['FieldValueInvalid field'],
    ],
    ['too great a number', 2, { type: 'integer', maximum: 1 }, ['FieldValueInvalid field']],
    ['too long a text', 'abc', { type: 'string', maxLength: 2 }, ['FieldValueTooLong field']],
    ['too short a text, once', '', { type: 'string', minLength: 1, pattern: 'a' }, ['FieldValueInvalid field']],
    ['text off its pattern', 'b', { type: 'string', pattern: '^a$' }, ['FieldValueInvalid field']],
    ['a day for a time', '2026-01-01', { type: 'string', format: 'date-time' }, ['FieldValueInvalid field']],
    ['a time', '2026-01-01T00:00:00Z', { type: 'string', format: 'date-time' }, []],
    ['too many items', ['a', 'b'], { type: 'array', maxItems: 1 }, ['FieldValueTooMany field']],
    ['too few items', [], { type: 'array', minItems: 1 }, ['FieldValueInvalid field']],
    ['an item twice', ['a', 'a'], { type: 'array', 'x-kubernetes-list-type': 'set' }, ['FieldValueDuplicate field[1]']],
    ['too many keys', { a: 1, b: 2 }, { type: 'object', maxProperties: 1 }, ['FieldValueTooMany field']],
    ['a key that must be there', {}, { type: 'object', required: ['a'] }, ['FieldValueRequired field.a']],
    [
      'what lies in lists and maps',
      [{ any: 'x' }],
      { type: 'array', items: { type: 'object', additionalProperties: { type: 'integer' } } },
      ['FieldValueTypeInvalid field[0].any'],
    ],
    ['a field nobody knows', { other: 1 }, { type: 'object', properties: {} }, []],
  ])('%s', (_what, value, schema, faults) => {
    expect(faultsOf(value, schema)).toEqual(faults);
  });
});

describe('defaults of a schema', () => {
  const schema = {
    properties: {
      count: { type: 'integer', default: 5 },
      items: { type: 'array', items: { properties: { tags: { type: 'array', default: [] } } } },
      settings: { properties: { level: { type: 'string', default: 'low' } } },
      maybe: { type: 'string', nullable: true, default: 'x' },
    },
  };

  it('come where a field is missing or wrongly null, and nowhere else', () => {
    const object: JsonObject = { count: null, items: [{}, { tags: ['a'] }], maybe: null };
    applySchemaDefaults(object, schema);
    expect(object).toEqual({ count: 5, items: [{ tags: [] }, { tags: ['a'] }], maybe: null });
  });

  it('are not shared between objects', () => {
    const [first, second] = [{ items: [{}] }, { items: [{}] }].map((object: { items: JsonObject[] }) => {
      applySchemaDefaults(object as unknown as JsonObject, schema);
      return object.items[0]?.['tags'];
    });
    expect(first).toEqual(second);
    expect(first).not.toBe(second);
  });
});

describe('texts that stand for something', () => {
  it.each([
    ['500m', 0.5],
    ['1', 1],
    [2, 2],
    ['1Ki', 1024],
    ['1.5Gi', 1.5 * 1024 ** 3],
    ['2k', 2000],
    ['1e3', 1000],
    ['much', undefined],
    [null, undefined],
  ])('%p is the quantity %p', (quantity, value) => {
    expect(quantityValue(quantity)).toEqual(value);
  });

  it.each(['* * * * *', '*/15 0-6 1,15 jan-mar MON', '0 9 ? * 1-5', '@daily', '@every 1h30m', 'TZ=UTC 0 0 * * *'])(
    '%s is a cron expression',
    (text) => {
      expect(isCronExpression(text)).toBe(true);
    },
  );

  it.each([
    '',
    'x',
    '* * * *',
    '60 * * * *',
    '* * 0 * *',
    '5-1 * * * *',
    '*/0 * * * *',
    '1-2-3 * * * *',
    '@often',
    '* * * * 7',
  ])('%p is no cron expression', (text) => {
    expect(isCronExpression(text)).toBe(false);
  });

  it('durations have units', () => {
    expect(['2h45m', '300ms', '0', '-1.5h', '.5s'].map(durationMs)).toEqual([9_900_000, 300, 0, -5_400_000, 500]);
    expect(['', '5', 'h', '1 h', '9999999h'].map(durationMs)).toEqual(Array(5).fill(undefined));
  });
});
