import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateKeys } from '../lib/key-set.ts';
import { readOptions, UsageError } from './usage.ts';

/** File names of the three key sets, as manifests and programs expect them. */
export const KEY_FILES = { sealing: 'sealing.json', signing: 'signing.json', verifying: 'join-keys.json' } as const;

/**
 * Writes fresh keys, the secret ones readable by their owner only. Existing files are kept: it never overwrites a key.
 *
 * @returns whether they were written; false when all were there already
 */
export function writeKeys(directory: string): boolean {
  mkdirSync(directory, { recursive: true });
  const keys = generateKeys();
  try {
    writeFileSync(join(directory, KEY_FILES.sealing), keys.sealing, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(directory, KEY_FILES.signing), keys.signing, { mode: 0o600, flag: 'wx' });
  writeFileSync(join(directory, KEY_FILES.verifying), keys.verifying, { flag: 'wx' });
  return true;
}

/** `regatta keys DIR`. */
export async function runKeys(parameters: string[]): Promise<void> {
  const { positionals } = readOptions(parameters, {});
  const [directory, ...more] = positionals;
  if (directory === undefined || more.length > 0) throw new UsageError('give one directory: regatta keys DIR');
  const written = writeKeys(directory);
  process.stdout.write(
    written ? `keys written to ${directory}\n` : `${directory} has keys already: left as they are\n`,
  );
}
