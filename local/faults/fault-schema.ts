import { z } from 'zod';
import { GAME_SERVER_STATES } from '../../lib/agones.ts';
import { compileLabelSelector } from '../api/selectors.ts';
import { StatusError } from '../api/status-error.ts';

/** How long faults may last, and how many there may be. */
export interface FaultBounds {
  /** Of a fault that names no `forMs`. */
  defaultDurationMs: number;
  maxDurationMs: number;
  /** Active at the same time. */
  maxActive: number;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const MAX_COUNT = 1_000_000;
const MAX_TEXT_LENGTH = 253;
const MAX_SEED = 2 ** 32 - 1;

const text = z.string().min(1).max(MAX_TEXT_LENGTH);
const labelSelector = z.string().superRefine((selector, context) => {
  try {
    compileLabelSelector(selector);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** What of the API is struck; a field that is left out narrows nothing. */
const requestTarget = z.strictObject({
  namespace: text.exactOptional(),
  /** Plural, e.g. `gameservers`. */
  resource: text.exactOptional(),
  methods: z.array(z.enum(METHODS)).min(1).max(METHODS.length).exactOptional(),
  /** Only clients whose User-Agent holds this text. */
  userAgent: text.exactOptional(),
});

/** As for requests, and what was written must carry these labels. */
const answerTarget = requestTarget.extend({ labelSelector: labelSelector.exactOptional() });

const watchTarget = requestTarget.omit({ methods: true });

const gameServerTarget = z.strictObject({
  namespace: text.exactOptional(),
  labelSelector: labelSelector.exactOptional(),
  name: text.exactOptional(),
});

const runningTarget = gameServerTarget.extend({
  /** Only GameServers in one of these states. */
  states: z.array(z.enum(GAME_SERVER_STATES)).min(1).max(GAME_SERVER_STATES.length).exactOptional(),
});

/**
 * What may be asked for: one shape for each kind of fault, with its defaults.
 *
 * Kinds that hold something (a game server that hangs, a connection without an answer) let go of it at their end.
 */
export function faultSchema({ defaultDurationMs, maxDurationMs }: FaultBounds) {
  const durationMs = z.int().min(1).max(maxDurationMs);
  const delayMs = z.int().min(0).max(maxDurationMs);
  const lasting = { forMs: durationMs.default(defaultDurationMs) };
  const drawn = {
    ...lasting,
    /** Of what it could strike, which it does. Without one it is chosen, and told. */
    seed: z.int().min(0).max(MAX_SEED).exactOptional(),
    /** Of striking, each time it could. Without it, it always does. */
    probability: z.number().gt(0).max(1).exactOptional(),
    /** After so many it strikes no more. */
    count: z.int().min(1).max(MAX_COUNT).exactOptional(),
  };
  const requests = { ...drawn, target: requestTarget.default({}) };
  const watches = { ...drawn, target: watchTarget.default({}) };
  const running = { ...drawn, target: runningTarget.default({}) };

  return z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('answer-lost'),
      ...drawn,
      target: answerTarget.default({}),
      how: z.enum(['cut', 'silence']).default('cut'),
    }),
    z.strictObject({ kind: z.literal('api-slow'), ...requests, latencyMs: delayMs, jitterMs: delayMs.default(0) }),
    z.strictObject({ kind: z.literal('api-black-hole'), ...requests }),
    z.strictObject({ kind: z.literal('conflict-storm'), ...requests }),
    z.strictObject({
      kind: z.literal('error-storm'),
      ...requests,
      status: z.literal([500, 503, 429]).default(503),
      retryAfterSeconds: z.int().min(0).max(3600).exactOptional(),
    }),
    z.strictObject({
      kind: z.literal('watch-cut'),
      ...watches,
      how: z.enum(['reset', 'end']).default('reset'),
      /** How long a watch lives that opens while the fault is there. */
      afterMs: delayMs.default(0),
    }),
    z.strictObject({
      kind: z.literal('watch-silent'),
      ...watches,
      afterwards: z.enum(['cut', 'resume']).default('cut'),
    }),
    z.strictObject({ kind: z.literal('watch-too-old'), ...watches }),
    z.strictObject({ kind: z.literal('sidecar-killed'), ...running }),
    z.strictObject({
      kind: z.literal('game-server-crashed'),
      ...running,
      count: drawn.count.unwrap().default(1),
      /** What the Pod tells as its exit code. Without it, that of a process that was killed. */
      exitCode: z.int().min(0).max(255).exactOptional(),
    }),
    z.strictObject({ kind: z.literal('game-server-hung'), ...running }),
    z
      .strictObject({
        kind: z.literal('slow-ready'),
        ...drawn,
        target: gameServerTarget.default({}),
        /** Before the process starts. */
        startDelayMs: delayMs.default(0),
        /** Before the sidecar passes on that the game is ready. */
        readyDelayMs: delayMs.default(0),
      })
      .refine(({ startDelayMs, readyDelayMs }) => startDelayMs + readyDelayMs > 0, {
        path: ['readyDelayMs'],
        message: 'it or startDelayMs must be above 0',
      }),
    z.strictObject({
      kind: z.literal('node-gone'),
      ...lasting,
      /** Until then the Pods look as if they still ran. */
      podsLostAfterMs: delayMs.default(0),
    }),
    z.strictObject({
      kind: z.literal('no-capacity'),
      ...drawn,
      target: gameServerTarget.default({}),
      answer: z.enum(['UnAllocated', 'Contention']).default('UnAllocated'),
    }),
  ]);
}

/** A fault that was asked for and found good. */
export type FaultRequest = z.output<ReturnType<typeof faultSchema>>;
export type FaultKind = FaultRequest['kind'];
/** What was asked for of one kind. */
export type FaultOf<Kind extends FaultKind> = Extract<FaultRequest, { kind: Kind }>;
export type RequestTarget = z.output<typeof requestTarget>;
export type WatchTarget = z.output<typeof watchTarget>;
export type GameServerTarget = z.output<typeof gameServerTarget>;
export type RunningTarget = z.output<typeof runningTarget>;

const NO_BOUNDS: FaultBounds = { defaultDurationMs: 1, maxDurationMs: Number.MAX_SAFE_INTEGER, maxActive: 1 };

/** What may be asked for of a kind, e.g. `forMs`; the fields of its target as `target.name`. */
export function fieldsOf(kind: FaultKind): string[] {
  const { kind: _, ...shape } =
    faultSchema(NO_BOUNDS).options.find((option) => option.shape.kind.value === kind)?.shape ?? {};
  return Object.entries(shape).flatMap(([field, type]) =>
    field === 'target' && type instanceof z.ZodDefault && type.def.innerType instanceof z.ZodObject
      ? Object.keys(type.def.innerType.shape).map((part) => `target.${part}`)
      : [field],
  );
}

/** What each kind does, in the words of the command line's help. */
export const FAULT_KINDS: Readonly<Record<FaultKind, string>> = {
  'answer-lost': 'the write is done, its answer never arrives (by default: of a GameServerAllocation)',
  'api-slow': 'requests wait before they are looked at',
  'api-black-hole': 'requests are taken and never answered; open watches fall silent',
  'conflict-storm': 'PUT and PATCH are refused with 409 Conflict',
  'error-storm': 'requests are refused with 500, 503 or 429',
  'watch-cut': 'watches break, those that open meanwhile as well',
  'watch-silent': 'watches stay open and tell nothing: no events, no bookmarks',
  'watch-too-old': 'watches end with 410: their resourceVersion is too old',
  'sidecar-killed': 'the SDK server of a GameServer is gone, and back at the end',
  'game-server-crashed': 'the process of a GameServer is killed (one, unless told otherwise)',
  'game-server-hung': 'the process of a GameServer stands still, and goes on at the end',
  'slow-ready': 'GameServers that start meanwhile take longer to be Ready',
  'node-gone': 'the node is NotReady and its Pods are lost; it is back at the end',
  'no-capacity': 'GameServerAllocations are answered UnAllocated, or Contention',
};
