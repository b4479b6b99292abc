import type { GameServer, GameServerStatus } from '../../lib/agones.ts';
import { playersOf } from './player-tracking.ts';
import { makeSerializable } from './map-serialization.ts';
import type { Message } from './sdk-protocol.ts';
import { sdkMessages } from './sdk-protocol.ts';

function toUnixSeconds(timestamp: string | undefined): number {
  return timestamp === undefined ? 0 : Math.floor(Date.parse(timestamp) / 1000);
}

/**
 * The GameServer as the SDK's REST answers it: proto field names, 64-bit numbers as text, nothing left out.
 *
 * Source: Agones 1.57, `proto/sdk/sdk.proto` with grpc-gateway.
 */
export function toRestGameServer(gameServer: GameServer): object {
  const { metadata, spec, status } = gameServer;
  const counters = Object.entries(status?.counters ?? {});
  const lists = Object.entries(status?.lists ?? {});
  return {
    object_meta: {
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      uid: metadata.uid ?? '',
      resource_version: metadata.resourceVersion ?? '',
      generation: String(metadata.generation ?? 0),
      creation_timestamp: String(toUnixSeconds(metadata.creationTimestamp)),
      deletion_timestamp: String(toUnixSeconds(metadata.deletionTimestamp)),
      annotations: metadata.annotations ?? {},
      labels: metadata.labels ?? {},
    },
    spec: {
      health: {
        disabled: spec.health?.disabled ?? false,
        period_seconds: spec.health?.periodSeconds ?? 0,
        failure_threshold: spec.health?.failureThreshold ?? 0,
        initial_delay_seconds: spec.health?.initialDelaySeconds ?? 0,
      },
    },
    status: {
      state: status?.state ?? '',
      address: status?.address ?? '',
      addresses: status?.addresses ?? [],
      ports: status?.ports ?? [],
      players: restPlayers(status),
      counters: Object.fromEntries(
        counters.map(([name, { count, capacity }]) => [
          name,
          { count: String(count ?? 0), capacity: String(capacity ?? 0) },
        ]),
      ),
      lists: Object.fromEntries(
        lists.map(([name, { capacity, values }]) => [name, { capacity: String(capacity ?? 0), values: values ?? [] }]),
      ),
    },
  };
}

function restPlayers(status: GameServerStatus | undefined): object | null {
  if ((status?.players ?? null) === null) return null;
  const { count, capacity, ids } = playersOf(status);
  return { count: String(count), capacity: String(capacity), ids };
}

/** The GameServer as a message of the SDK's gRPC. */
export function toGrpcGameServer(gameServer: GameServer): Message {
  const message = new sdkMessages.GameServer();
  message['setObjectMeta']?.(objectMeta(gameServer));
  message['setSpec']?.(spec(gameServer));
  message['setStatus']?.(status(gameServer));
  return message;
}

function fill(message: Message, fields: Record<string, unknown>): Message {
  for (const [field, value] of Object.entries(fields)) message[`set${field}`]?.(value);
  return message;
}

/** Maps of a generated message have no setter: they are got, and filled. */
function fillMap(message: Message, getter: string, entries: Record<string, unknown>): void {
  const map = message[getter]?.() as Map<string, unknown>;
  makeSerializable(map);
  for (const [key, value] of Object.entries(entries)) map.set(key, value);
}

function objectMeta({ metadata }: GameServer): Message {
  const message = fill(new sdkMessages.GameServer.ObjectMeta(), {
    Name: metadata.name,
    Namespace: metadata.namespace ?? '',
    Uid: metadata.uid ?? '',
    ResourceVersion: metadata.resourceVersion ?? '',
    Generation: metadata.generation ?? 0,
    CreationTimestamp: toUnixSeconds(metadata.creationTimestamp),
    DeletionTimestamp: toUnixSeconds(metadata.deletionTimestamp),
  });
  fillMap(message, 'getAnnotationsMap', metadata.annotations ?? {});
  fillMap(message, 'getLabelsMap', metadata.labels ?? {});
  return message;
}

function spec(gameServer: GameServer): Message {
  const { health } = gameServer.spec;
  return fill(new sdkMessages.GameServer.Spec(), {
    Health: fill(new sdkMessages.GameServer.Spec.Health(), {
      Disabled: health?.disabled ?? false,
      PeriodSeconds: health?.periodSeconds ?? 0,
      FailureThreshold: health?.failureThreshold ?? 0,
      InitialDelaySeconds: health?.initialDelaySeconds ?? 0,
    }),
  });
}

function status(gameServer: GameServer): Message {
  const { Status } = sdkMessages.GameServer;
  const from = gameServer.status;
  const message = fill(new Status(), {
    State: from?.state ?? '',
    Address: from?.address ?? '',
    AddressesList: (from?.addresses ?? []).map(({ type, address }) =>
      fill(new Status.Address(), { Type: type, Address: address }),
    ),
    PortsList: (from?.ports ?? []).map(({ name, port }) => fill(new Status.Port(), { Name: name, Port: port })),
  });
  if ((from?.players ?? null) !== null) {
    const { count, capacity, ids } = playersOf(from);
    fill(message, {
      Players: fill(new Status.PlayerStatus(), { Count: count, Capacity: capacity, IdsList: ids }),
    });
  }
  for (const [name, { count, capacity }] of Object.entries(from?.counters ?? {})) {
    const counter = fill(new Status.CounterStatus(), { Count: count ?? 0, Capacity: capacity ?? 0 });
    fillMap(message, 'getCountersMap', { [name]: counter });
  }
  for (const [name, { capacity, values }] of Object.entries(from?.lists ?? {})) {
    const list = fill(new Status.ListStatus(), { Capacity: capacity ?? 0, ValuesList: values ?? [] });
    fillMap(message, 'getListsMap', { [name]: list });
  }
  return message;
}
