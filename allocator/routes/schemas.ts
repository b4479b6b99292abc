import { z } from 'zod';
import { ERRORS } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';

/** What goes in and out over HTTP. The OpenAPI document is made from these. */

const MAX_PLAYERS = 100;
const MAX_ATTRIBUTES = 16;

const playerId = z
  .string()
  .min(1)
  .max(128)
  // Letters, marks, digits, punctuation and symbols of any script, and no white space: what can be seen.
  .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u, 'has a character that cannot be seen')
  .meta({
    description: "The player, by the caller's own name for them: 1 to 128 visible characters",
    example: 'user123',
  });

const labelValue = z
  .string()
  .min(1)
  .max(63)
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'is not a name: letters, digits, and - _ . between them');

const attributes = z
  .record(
    z.string().min(1).max(64),
    z.union([z.string().max(256), z.number(), z.boolean(), z.array(z.string().max(64)).max(16)]),
  )
  .refine((value) => Object.keys(value).length <= MAX_ATTRIBUTES, `has more than ${MAX_ATTRIBUTES} members`)
  .meta({ description: 'What matching may look at. A new game of one’s own has nobody to be matched with.' });

const wsUrl = z.string().meta({
  description: 'Plays: open a WebSocket here. Whoever has it has the seat.',
  example: 'ws://localhost:8080/session/k3v9x2m4q8w1z7r5?token=eyJ…',
});

const sessionId = z.string().meta({ example: 'k3v9x2m4q8w1z7r5t6y2' });

const timestamp = z.iso.datetime();

const directFields = {
  address: z.string().meta({ description: 'The GameServer itself' }),
  ports: z.array(z.object({ name: z.string(), port: z.number().int() })),
  token: z.string().meta({ description: 'The join token to present to the GameServer itself' }),
};

export const newGameRequest = z
  .strictObject({
    playerId,
    game: labelValue.optional().meta({ description: 'Default: the only game there is, else the configured one' }),
    region: labelValue.optional().meta({ description: 'GameServers of this region first, any other next' }),
    attributes: attributes.optional(),
  })
  .meta({ id: 'NewGameRequest' });

export const joinRequest = z.strictObject({ playerId }).meta({ id: 'JoinRequest' });

const seatFields = {
  sessionId,
  wsUrl,
  expiresAt: timestamp.meta({ description: 'Connecting later than this is refused' }),
  address: directFields.address.optional(),
  ports: directFields.ports.optional(),
  token: directFields.token.optional(),
};

export const seatAnswer = z
  .object(seatFields)
  .meta({ id: 'Seat', description: '`address`, `ports` and `token` only in direct mode' });

export const newGameAnswer = z
  .object({
    ...seatFields,
    game: z.string(),
    allocation: z.object({
      durationMs: z.number().int().meta({ description: 'How long it took to get the GameServer' }),
      gameServer: z.string().meta({ description: 'Name of the GameServer' }),
    }),
  })
  .meta({ id: 'NewGame', description: '`address`, `ports` and `token` only in direct mode' });

export const sessionAnswer = z
  .object({
    sessionId,
    state: z.enum(['running', 'over']),
    game: z.string().optional(),
    seats: z.number().int().optional(),
    madeAt: timestamp.optional(),
  })
  .meta({ id: 'Session', description: 'Of a session that is over only its id and state are known' });

export const allocationRequest = z
  .strictObject({
    game: labelValue.optional(),
    fleet: labelValue.optional(),
    players: z
      .array(z.strictObject({ playerId, attributes: attributes.optional() }))
      .min(1)
      .max(MAX_PLAYERS),
    mode: z.literal('exclusive').optional(),
    regions: z.array(labelValue).max(1).optional().meta({ description: 'GameServers of this region first' }),
  })
  .refine(({ game, fleet }) => game !== undefined || fleet !== undefined, {
    path: ['game'],
    message: 'is needed, unless a fleet is named',
  })
  .refine(({ players }) => new Set(players.map((player) => player.playerId)).size === players.length, {
    path: ['players'],
    message: 'names a player twice',
  })
  .meta({ id: 'AllocationRequest' });

export const allocationAnswer = z
  .object({
    sessionId,
    game: z.string(),
    mode: z.literal('exclusive'),
    seats: z.number().int(),
    gameServer: z.string(),
    madeAt: timestamp,
    joinBy: timestamp.meta({ description: 'With nobody there by then, the session ends' }),
    expiresAt: timestamp,
    players: z.array(z.object({ playerId: z.string(), wsUrl, ...directFields })),
  })
  .meta({ id: 'Allocation' });

export const serviceSessionAnswer = z
  .object({
    sessionId,
    game: z.string(),
    mode: z.enum(['exclusive', 'shared']),
    seats: z.number().int(),
    gameServer: z.string(),
    madeAt: timestamp,
    joinBy: timestamp,
    address: directFields.address,
    ports: directFields.ports,
  })
  .meta({ id: 'ServiceSession' });

export const healthAnswer = z.object({ status: z.string() }).meta({ id: 'Health' });

const errorCodes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const problemAnswer = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string().optional().meta({ description: 'The id of the request, as in our log' }),
    code: z.enum(errorCodes),
    retryable: z.boolean(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    position: z.number().int().optional().meta({ description: 'Place among those who wait for the same game' }),
    estimateSeconds: z
      .number()
      .int()
      .optional()
      .meta({ description: 'How long it may take from that place, at the pace of late' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457. Each code is explained in docs/errors.md' });
