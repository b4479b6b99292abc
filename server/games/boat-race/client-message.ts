import { clamp } from './angles.ts';
import { MAX_NAME_LENGTH } from './protocol.ts';
import type { ClientMessage } from './protocol.ts';

/** Control characters and those that change the direction of what stands beside them. */
const UNFIT_FOR_NAMES = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * Reads what a page sent.
 *
 * @returns undefined for what is no message of the protocol; numbers of the others are within their bounds
 */
export function parseClientMessage(text: string): ClientMessage | undefined {
  const message = parseObject(text);
  if (message === undefined) return undefined;
  const { type, name, rudder, sheet, nonce } = message;
  switch (type) {
    case 'hello':
      return typeof name === 'string' ? { type, name: fitName(name) } : undefined;
    case 'steer':
      if (typeof rudder !== 'number' || typeof sheet !== 'number') return undefined;
      return { type, rudder: clamp(rudder, -1, 1), sheet: clamp(sheet, 0, 1) };
    case 'start':
      return { type };
    case 'ping':
      return typeof nonce === 'number' ? { type, nonce } : undefined;
    default:
      return undefined;
  }
}

function fitName(name: string): string {
  const letters = Array.from(name.replaceAll(UNFIT_FOR_NAMES, '').trim());
  return letters.slice(0, MAX_NAME_LENGTH).join('').trim();
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
