import type { ServerMessage } from '../../server/games/boat-race/protocol.ts';

const KNOWN_TYPES = new Set(['welcome', 'roster', 'state', 'result', 'pong']);

/**
 * Reads a message of the game. The game server is ours and writes what its protocol says, so only what tells one
 * message from another is looked at; undefined for anything else, such as a message of a newer protocol.
 */
export function parseServerMessage(text: string): ServerMessage | undefined {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || !('type' in value)) return undefined;
  // The adapter's edge: from here on the protocol's types hold.
  return KNOWN_TYPES.has(String(value.type)) ? (value as ServerMessage) : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
