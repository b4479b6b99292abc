import { fields, flag, listOf, mapOf, text, textMap } from '../resources/schema-parts.ts';
import { decoded } from './decoding.ts';

const schema = fields('All there is.', {
  name: text('A text.'),
  on: flag('A flag.'),
  names: listOf('Texts.', text('One.')),
  inner: fields('Fields.', { name: text('A text.') }),
  inners: listOf('Objects.', fields('One.', { name: text('A text.') })),
  labels: textMap('A map.'),
  parts: mapOf('A map of objects.', fields('One.', { name: text('A text.') })),
});

describe('a value that Go reads', () => {
  it('loses what nothing knows, what is null and what is empty', () => {
    const value = { name: null, nonsense: 1, on: false, names: [], inner: { nonsense: 1 }, labels: {}, parts: {} };
    expect(decoded(value, schema)).toEqual({ inner: {} });
  });

  it('has an empty item for null in lists and maps', () => {
    const value = { names: [null, 'a'], inners: [null], labels: { a: null, b: 'b' }, parts: { a: null } };
    expect(decoded(value, schema)).toEqual({
      names: ['', 'a'],
      inners: [{}],
      labels: { a: '', b: 'b' },
      parts: { a: {} },
    });
  });

  it('keeps what is of a wrong type, however empty', () => {
    const value = { name: false, on: [], names: {}, inner: [], labels: [], parts: 'x', inners: [5] };
    expect(decoded(value, schema)).toEqual(value);
  });

  it('keeps what is empty text or 0, which may mean something', () => {
    expect(decoded({ name: '', names: [''], labels: { a: '' } }, schema)).toEqual({
      name: '',
      names: [''],
      labels: { a: '' },
    });
  });
});
