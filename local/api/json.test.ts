import fc from 'fast-check';
import { frozenCopy, frozenLike } from './json.ts';

const values = fc.jsonValue({ maxDepth: 4 });

function isFrozen(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isFrozen);
}

describe('a frozen copy that shares', () => {
  it('is what a plain copy is, and as frozen, whatever it is like', () => {
    fc.assert(
      fc.property(values, values, values, (value, like, alike) => {
        const shared = frozenLike(value, frozenCopy(like), frozenCopy(alike));
        expect(shared).toEqual(frozenCopy(value));
        expect(isFrozen(shared)).toBe(true);
      }),
      { numRuns: 500, seed: 9 },
    );
  });

  it('is the very value it is like when the two are the same', () => {
    fc.assert(
      fc.property(values, values, (value, other) => {
        const like = frozenCopy(value);
        expect(frozenLike(value, like, frozenCopy(other))).toBe(like);
        expect(frozenLike({ value, own: 1 }, undefined, frozenCopy({ value: like }))).toEqual({ value, own: 1 });
      }),
      { numRuns: 300, seed: 10 },
    );
  });

  it('takes over only what is the same', () => {
    const like = frozenCopy({ spec: { ports: [1, 2], name: 'a' }, labels: { a: 'b' } });
    const alike = frozenCopy({ spec: { ports: [1, 2], name: 'b' }, labels: { a: 'c' } });
    const shared = frozenLike({ spec: { ports: [1, 2], name: 'b' }, labels: { a: 'c', d: 'e' } }, like, alike);
    expect(shared.spec.ports).toBe(like.spec.ports);
    expect(shared.labels).toEqual({ a: 'c', d: 'e' });
  });
});
