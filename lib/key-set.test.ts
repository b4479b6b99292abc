import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from './clock.ts';
import { generateKeys, KeyFileError, openKeyFile, parseKeySet } from './key-set.ts';
import { silentLogger } from './logger.ts';
import type { Logger } from './logger.ts';

const directory = mkdtempSync(join(tmpdir(), 'regatta-keys-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const RECHECK_MS = 1000;

/** Both sets' keys in one file, those of the first in front. */
function together(first: string, second: string): string {
  const keysOf = (text: string): unknown[] => (JSON.parse(text) as { keys: unknown[] }).keys;
  return JSON.stringify({ keys: [...keysOf(first), ...keysOf(second)] });
}

function open(name: string, text: string, logger: Logger = silentLogger) {
  const path = join(directory, name);
  writeFileSync(path, text);
  const clock = new ManualClock();
  return { path, clock, keys: openKeyFile(path, 'seal', { clock, logger, recheckMs: RECHECK_MS }) };
}

describe('parseKeySet', () => {
  it.each([
    ['no JSON', '{"keys":[', 'seal'],
    ['no set', '{"hello":1}', 'seal'],
    ['an empty set', '{"keys":[]}', 'seal'],
    ['a key without an id', '{"keys":[{"kty":"oct","k":"AAAA"}]}', 'seal'],
    ['a key that is too short', '{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}', 'seal'],
    ['too many keys', JSON.stringify({ keys: Array.from({ length: 17 }, () => ({ kty: 'oct', kid: 'a' })) }), 'seal'],
    ['keys of another use', generateKeys().sealing, 'sign'],
    ['signing keys to seal with', generateKeys().signing, 'seal'],
    ['public keys to sign with', generateKeys().verifying, 'sign'],
  ] as const)('refuses %s', (_case, text, use) => {
    expect(() => parseKeySet(text, use, 'keys.json')).toThrow(KeyFileError);
  });

  it('names the file and never quotes it', () => {
    const secret = 'c2VjcmV0LXNlY3JldA';
    const text = `{"keys":[{"kty":"oct","kid":"a","k":"${secret}"}`;
    expect(() => parseKeySet(text, 'seal', '/keys/sealing.json')).toThrow(/^key file \/keys\/sealing.json: (?!.*c2Vj)/);
  });
});

describe('openKeyFile', () => {
  it('follows its file: the new key in front makes, the old one still checks', () => {
    const [old, fresh] = [generateKeys().sealing, generateKeys().sealing];
    const { path, clock, keys } = open('rotated.json', old);
    const oldId = keys.current().keyId;
    writeFileSync(path, together(fresh, old));
    expect(keys.current().keyId).toBe(oldId);
    clock.advance(RECHECK_MS);
    expect(keys.current().keyId).toBe(parseKeySet(fresh, 'seal', '').current().keyId);
    expect(() => keys.byId(oldId)).not.toThrow();
    writeFileSync(path, fresh);
    clock.advance(RECHECK_MS);
    expect(() => keys.byId(oldId)).toThrow();
  });

  it('keeps the last good keys while the file is half written or gone, warns, and takes the whole one', () => {
    const [old, fresh] = [generateKeys().sealing, generateKeys().sealing];
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, message) => warnings.push(message) };
    const { path, clock, keys } = open('half.json', old, logger);
    const oldId = keys.current().keyId;

    writeFileSync(path, fresh.slice(0, 40));
    clock.advance(RECHECK_MS);
    expect(keys.current().keyId).toBe(oldId);
    rmSync(path);
    clock.advance(RECHECK_MS);
    expect(keys.current().keyId).toBe(oldId);
    expect(warnings).toHaveLength(2);

    writeFileSync(path, fresh);
    clock.advance(RECHECK_MS);
    expect(keys.current().keyId).not.toBe(oldId);
  });

  it('does not start without a good file', () => {
    const options = { clock: new ManualClock(), logger: silentLogger, recheckMs: RECHECK_MS };
    expect(() => openKeyFile(join(directory, 'absent.json'), 'seal', options)).toThrow(KeyFileError);
  });
});
