import { MAX_NAME_LENGTH } from '../server/games/boat-race/protocol.ts';

const NAME_KEY = 'regatta.name';
const BROWSER_KEY = 'regatta.browser';
const TAB_KEY = 'regatta.tab';

const FIRST_NAMES = ['Breezy', 'Salty', 'Swift', 'Jolly', 'Windy', 'Lucky', 'Brave', 'Sunny'];
const SECOND_NAMES = ['Gull', 'Otter', 'Puffin', 'Heron', 'Dolphin', 'Tern', 'Seal', 'Marlin'];

/** Random hexadecimal digits. Works without a secure context, unlike `crypto.randomUUID`. */
export function randomHex(bytes: number): string {
  return [...crypto.getRandomValues(new Uint8Array(bytes))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Who plays here: one part for the browser, one for the tab, so that two tabs are two players and a reload is the
 * same one. Shown to nobody.
 */
export function playerIdOf(browser: Storage | undefined, tab: Storage | undefined): string {
  return `${remembered(browser, BROWSER_KEY, () => randomHex(6))}-${remembered(tab, TAB_KEY, () => randomHex(6))}`;
}

/** The sailor's name of last time, or a made-up one. */
export function loadName(browser: Storage | undefined): string {
  return remembered(browser, NAME_KEY, madeUpName);
}

/** Keeps the name for next time, where the browser lets us. */
export function saveName(browser: Storage | undefined, name: string): void {
  keep(browser, NAME_KEY, name);
}

/** A name as the game takes it: no longer than allowed, no control characters, never empty. */
export function tidyName(name: string): string {
  const tidy = name
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
  const short = Array.from(tidy).slice(0, MAX_NAME_LENGTH).join('').trim();
  return short === '' ? 'Sailor' : short;
}

function madeUpName(): string {
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint8Array(2));
  return `${FIRST_NAMES[first % FIRST_NAMES.length]} ${SECOND_NAMES[second % SECOND_NAMES.length]}`;
}

function remembered(storage: Storage | undefined, key: string, make: () => string): string {
  const kept = storage?.getItem(key);
  if (kept !== undefined && kept !== null && kept !== '') return kept;
  const made = make();
  keep(storage, key, made);
  return made;
}

function keep(storage: Storage | undefined, key: string, value: string): void {
  try {
    storage?.setItem(key, value);
  } catch (error) {
    // A full or locked storage only means that this is not remembered.
    if (!(error instanceof DOMException)) throw error;
  }
}
