import { z } from 'zod';
import { GAME_SERVER_STATES } from '../../lib/agones.ts';

/**
 * The parts of Agones' objects that the allocator reads, checked as they come in. Everything else is let through
 * unread; `null` stands where Go leaves a list empty.
 */

const strings = z.record(z.string(), z.string()).nullish();

const namedPort = z.object({ name: z.string(), port: z.number().int() });
const nodeAddress = z.object({ type: z.string(), address: z.string() });

const listStatus = z.object({ capacity: z.number().int().nullish(), values: z.array(z.string()).nullish() });

export const gameServerSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: strings,
    annotations: strings,
    creationTimestamp: z.string().nullish(),
    deletionTimestamp: z.string().nullish(),
  }),
  spec: z.object({
    ports: z
      .array(
        z.object({
          name: z.string().optional(),
          containerPort: z.number().optional(),
          protocol: z.string().optional(),
        }),
      )
      .nullish(),
  }),
  status: z
    .object({
      // A state this program does not know yet is no reason to lose sight of the GameServer.
      state: z.enum(GAME_SERVER_STATES).or(z.string()),
      address: z.string().nullish(),
      addresses: z.array(nodeAddress).nullish(),
      nodeName: z.string().nullish(),
      ports: z.array(namedPort).nullish(),
      lists: z.record(z.string(), listStatus).nullish(),
    })
    .nullish(),
});

export type WireGameServer = z.output<typeof gameServerSchema>;

export const gameServerListSchema = z.object({ items: z.array(gameServerSchema) });

export const fleetSchema = z.object({
  metadata: z.object({ name: z.string(), annotations: strings, deletionTimestamp: z.string().nullish() }),
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: strings, annotations: strings }).nullish(),
      spec: z.object({ lists: z.record(z.string(), z.unknown()).nullish() }).nullish(),
    }),
  }),
});

export const allocationAnswerSchema = z.object({
  status: z.object({
    state: z.enum(['Allocated', 'UnAllocated', 'Contention']),
    gameServerName: z.string().nullish(),
  }),
});

/** For objects that are only removed: the name is all that is needed. */
export const namedSchema = z.object({ metadata: z.object({ name: z.string() }) });
