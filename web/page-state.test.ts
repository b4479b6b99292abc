import { addressFor, factsLine, invitationFor, pageStateOf, statusOf } from './page-state.ts';
import { loadName, playerIdOf, saveName, tidyName } from './player.ts';
import { PROBLEM_WORDS } from './words.ts';

class Drawer implements Storage {
  readonly #kept = new Map<string, string>();
  get length(): number {
    return this.#kept.size;
  }
  clear(): void {
    this.#kept.clear();
  }
  getItem(key: string): string | null {
    return this.#kept.get(key) ?? null;
  }
  key(): null {
    return null;
  }
  removeItem(key: string): void {
    this.#kept.delete(key);
  }
  setItem(key: string, value: string): void {
    this.#kept.set(key, value);
  }
}

describe('the page', () => {
  it('is connecting until a refusal makes it wait in line', () => {
    expect(pageStateOf({ kind: 'finding', position: undefined, words: undefined })).toBe('connecting');
    const inLine = { kind: 'finding', position: 2, words: PROBLEM_WORDS.no_capacity } as const;
    expect(pageStateOf(inLine)).toBe('waiting');
    expect(statusOf(inLine)).toContain('You are 2nd in line.');
  });

  it('says only the facts that are known', () => {
    expect(factsLine({ allocatedMs: undefined, firstFrameMs: undefined, gameServer: undefined })).toBe('');
    expect(factsLine({ allocatedMs: 7.4, firstFrameMs: undefined, gameServer: 'gs-1' })).toBe(
      'allocated in 7 ms · gs-1',
    );
  });

  it('keeps the session in its address and whatever else was asked', () => {
    expect(addressFor('http://h/?autopilot=1#x', 'a b')).toBe('http://h/?autopilot=1&join=a+b');
    expect(addressFor('http://h/?autopilot=1&join=s1', undefined)).toBe('http://h/?autopilot=1');
    expect(invitationFor('http://h:1/?autopilot=1', 's/1')).toBe('http://h:1/?join=s%2F1');
  });
});

describe('the player', () => {
  it('is the same in a tab after a reload, and another in another tab', () => {
    const browser = new Drawer();
    const tab = new Drawer();
    expect(playerIdOf(browser, tab)).toBe(playerIdOf(browser, tab));
    expect(playerIdOf(browser, new Drawer())).not.toBe(playerIdOf(browser, tab));
    expect(playerIdOf(undefined, undefined)).toMatch(/^[0-9a-f]{12}-[0-9a-f]{12}$/);
  });

  it('keeps the name', () => {
    const browser = new Drawer();
    expect(loadName(browser)).toBe(loadName(browser));
    saveName(browser, 'Ada');
    expect(loadName(browser)).toBe('Ada');
  });

  it.each([
    ['  Ada   L ', 'Ada L'],
    ['', 'Sailor'],
    ['\u0000\u202E', 'Sailor'],
    ['⛵'.repeat(30), '⛵'.repeat(20)],
  ])('is called tidily: %j', (typed, name) => expect(tidyName(typed)).toBe(name));
});
