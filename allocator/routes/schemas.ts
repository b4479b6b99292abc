import { z } from 'zod';
import { GAME_SERVER_STATES } from '../../lib/agones.ts';
import { ERRORS } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import { MAX_JOIN_TOKEN_BYTES } from '../../lib/join-token.ts';
import { FINDINGS } from '../allocation/reap-rules.ts';

/** What goes in and out over HTTP. The OpenAPI document is made from these. */

const MAX_PLAYERS = 100;
const MAX_ATTRIBUTES = 16;
const SESSION_MODES = ['exclusive', 'shared'] as const;
/** Regions that a request may prefer. */
export const MAX_REGIONS = 10;
const MAX_LATENCIES = 32;
const MAX_LATENCY_MS = 60_000;

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

const objectName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is not the name of an object');

const MAX_EXCLUDED = 20;

const exclude = z.array(objectName).max(MAX_EXCLUDED).meta({
  description: 'Names of GameServers that are not to be given: for a player who could not connect to one',
});

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
  directWsUrl: z.string().optional().meta({
    description: 'Plays without the gateway, where game servers have TLS (`DIRECT_NAME_SUFFIX`)',
    example: 'wss://203-0-113-7.games.example.com:7000/session/k3v9x2m4q8w1z7r5?token=eyJ…',
  }),
};

export const newGameRequest = z
  .strictObject({
    playerId,
    game: labelValue.optional().meta({ description: 'Default: the only game there is, else the configured one' }),
    region: labelValue.optional().meta({ description: 'GameServers of this region first, any other next' }),
    latencies: z
      .record(labelValue, z.number().min(0).max(MAX_LATENCY_MS))
      .refine((value) => Object.keys(value).length <= MAX_LATENCIES, `has more than ${MAX_LATENCIES} members`)
      .optional()
      .meta({
        description: `How far regions are, in milliseconds: after \`region\` the nearest first, the nearest ${MAX_REGIONS} at most`,
        example: { europe: 24, 'north-america': 110 },
      }),
    attributes: attributes.optional(),
    exclude: exclude.optional(),
  })
  .meta({ id: 'NewGameRequest' });

export const joinRequest = z.strictObject({ playerId }).meta({ id: 'JoinRequest' });

export const resumeRequest = z
  .strictObject({
    token: z
      .string()
      .min(1)
      .max(MAX_JOIN_TOKEN_BYTES)
      .regex(/^[\w.-]+$/, 'is not a join token')
      .meta({ description: 'The `token` of the `wsUrl` that the player has, expired or not', example: 'eyJ…' }),
    closeCode: z.number().int().min(1000).max(4999).optional().meta({
      description:
        'What the connection was closed with. After 4007 and 4008 the answer waits a moment until the loss is seen here too',
      example: 4007,
    }),
  })
  .meta({ id: 'ResumeRequest' });

const seatFields = {
  sessionId,
  wsUrl,
  expiresAt: timestamp.meta({ description: 'Connecting later than this is refused' }),
  address: directFields.address.optional(),
  ports: directFields.ports.optional(),
  token: directFields.token.optional(),
  directWsUrl: directFields.directWsUrl,
};

export const seatAnswer = z
  .object(seatFields)
  .meta({ id: 'Seat', description: '`address`, `ports`, `token` and `directWsUrl` only in direct mode' });

export const newGameAnswer = z
  .object({
    ...seatFields,
    game: z.string(),
    allocation: z.object({
      durationMs: z.number().int().meta({ description: 'How long it took to get the GameServer' }),
      gameServer: z.string().meta({ description: 'Name of the GameServer' }),
    }),
  })
  .meta({ id: 'NewGame', description: '`address`, `ports`, `token` and `directWsUrl` only in direct mode' });

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
    mode: z.enum(SESSION_MODES).optional().meta({ description: 'Only if the game has its sessions like this' }),
    exclude: exclude.optional(),
    regions: z
      .array(labelValue)
      .max(MAX_REGIONS)
      .optional()
      .meta({ description: 'GameServers of these regions first, in this order, any other next' }),
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
    mode: z.enum(SESSION_MODES),
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
    mode: z.enum(SESSION_MODES),
    seats: z.number().int(),
    gameServer: z.string(),
    madeAt: timestamp,
    joinBy: timestamp,
    address: directFields.address,
    ports: directFields.ports,
  })
  .meta({ id: 'ServiceSession' });

const MAX_PAGE = 1000;
const DEFAULT_PAGE = 100;

const limit = z
  .string()
  .regex(/^\d{1,9}$/, 'is not a whole number')
  .transform(Number)
  .pipe(z.number().int().min(1, 'is below 1').max(MAX_PAGE, `is above ${MAX_PAGE}`))
  .default(DEFAULT_PAGE)
  .meta({ param: { schema: { type: 'integer', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE } } });

const SECONDS_OF_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

const duration = z
  .string()
  .regex(/^\d{1,6}[smhd]$/, 'is not a duration: a whole number and s, m, h or d')
  .transform((text) => Number(text.slice(0, -1)) * SECONDS_OF_UNIT[text.slice(-1) as keyof typeof SECONDS_OF_UNIT])
  .meta({ param: { schema: { type: 'string', example: '1h' } } });

export const sessionsQuery = z.strictObject({
  game: labelValue.optional(),
  limit,
  after: z
    .string()
    .regex(/^[a-z0-9]{16,40}$/, 'is not a session id')
    .optional()
    .meta({ description: 'Sessions that come after this one; `next` of the page before' }),
});

export const serversQuery = z.strictObject({
  state: z.enum(GAME_SERVER_STATES).optional(),
  olderThan: duration.optional(),
  limit,
  after: objectName.optional().meta({ description: 'GameServers that come after this one; `next` of the page before' }),
});

export const fleetsQuery = z.strictObject({ limit, after: objectName.optional() });

const next = z.string().optional().meta({ description: '`after` of the next page; absent on the last one' });

export const sessionsAnswer = z
  .object({
    sessions: z.array(
      z.object({
        sessionId,
        game: z.string().optional(),
        mode: z.enum(['exclusive', 'shared']),
        gameServer: z.string(),
        fleet: z.string().optional(),
        seats: z.number().int().optional(),
        madeAt: timestamp.optional(),
        joinBy: timestamp.optional(),
      }),
    ),
    next,
  })
  .meta({ id: 'Sessions', description: 'In order of their ids' });

export const serversAnswer = z
  .object({
    servers: z.array(
      z.object({
        name: z.string(),
        fleet: z.string().optional(),
        game: z.string().optional(),
        state: z.string().meta({ description: 'As Agones spells it' }),
        sessionIds: z.array(sessionId),
        allocatedAt: z.string().optional().meta({ description: 'Since when it is Allocated' }),
        ageSeconds: z.number().int().optional().meta({ description: 'How long it has been Allocated' }),
        claim: z.object({ holder: z.string(), until: timestamp.optional() }).optional(),
        drainingSince: z.string().optional(),
        wouldReap: z.enum(FINDINGS).optional().meta({ description: 'What looks as if nobody needs it' }),
      }),
    ),
    next,
  })
  .meta({ id: 'Servers', description: 'GameServers of games, in order of their names' });

export const fleetsAnswer = z
  .object({
    fleets: z.array(
      z.object({
        name: z.string(),
        game: z.string(),
        mode: z.enum(['exclusive', 'shared']),
        replicas: z.record(z.string(), z.number().int()).meta({ description: 'GameServers by their state' }),
        outdated: z.number().int().meta({ description: 'GameServers of an older version' }),
        draining: z.number().int(),
      }),
    ),
    next,
  })
  .meta({ id: 'Fleets' });

export const drainAnswer = z
  .object({
    fleet: z.string(),
    marked: z.number().int().meta({ description: 'GameServers that were told now' }),
    already: z.number().int().meta({ description: 'GameServers that drained before' }),
    left: z.number().int().meta({ description: 'GameServers that could not be told now: ask again' }),
  })
  .meta({ id: 'Drain' });
export const regionsAnswer = z
  .array(
    z.object({
      name: z.string(),
      pingUrl: z.string().optional().meta({ description: 'Answers quickly, to measure how far the region is' }),
    }),
  )
  .meta({ id: 'Regions' });

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
