import { AGONES } from '../../lib/agones.ts';
import { parseSessionReport, SESSION_REPORT_ANNOTATION } from '../../lib/session-report.ts';
import {
  CLAIM_LABEL,
  CLAIM_UNTIL_ANNOTATION,
  DRAIN_ANNOTATION,
  GAME_LABEL,
  parseSessionDescriptor,
  readSeats,
  REGION_LABEL,
  REPORTS_PLAYERS_ANNOTATION,
  SEATS_ANNOTATION,
  SESSION_KEY,
  SESSIONS_LIST,
} from '../../lib/session.ts';
import type { GameServerView } from '../allocation/ports.ts';
import type { WireGameServer } from './wire.ts';

/** Which of a GameServer's addresses and ports the gateway is sent to. */
export interface RouteChoice {
  /** Type of an entry of `status.addresses`, e.g. `PodIP`; `status.address` where there is none. */
  addressType: string;
  /** Name of the port; the only TCP port when there is none of this name. */
  portName: string;
}

/** Reads a GameServer of a cluster as the engine sees it. */
export function viewOf(gameServer: WireGameServer, choice: RouteChoice, cluster: string): GameServerView {
  const { metadata, status } = gameServer;
  const label = metadata.labels?.[SESSION_KEY];
  const session = parseSessionDescriptor(metadata.annotations?.[SESSION_KEY]);
  const isGoing = (metadata.deletionTimestamp ?? undefined) !== undefined;
  const holds = status?.state === 'Allocated' && !isGoing;
  const held = holds && session !== undefined && session.sessionId === label ? session : undefined;
  return {
    cluster,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    fleet: metadata.labels?.[AGONES.fleetLabel],
    gameServerSet: metadata.labels?.[AGONES.gameServerSetLabel],
    region: metadata.labels?.[REGION_LABEL],
    state: status?.state ?? '',
    isGoing,
    claim: holds && held === undefined ? claimOf(gameServer) : undefined,
    shared: sharedOf(gameServer),
    game: metadata.labels?.[GAME_LABEL],
    session: held,
    lastAllocatedAt: metadata.annotations?.[AGONES.lastAllocatedAnnotation] ?? '',
    route: routeOf(gameServer, choice),
    direct: { address: status?.address ?? '', ports: status?.ports ?? [] },
    drainingSince: metadata.annotations?.[DRAIN_ANNOTATION],
    report: parseSessionReport(metadata.annotations?.[SESSION_REPORT_ANNOTATION]),
    reportsPlayers: metadata.annotations?.[REPORTS_PLAYERS_ANNOTATION] === 'true',
    isDevelopment: metadata.annotations?.[AGONES.devAddressAnnotation] !== undefined,
  };
}

function claimOf({ metadata }: WireGameServer): GameServerView['claim'] {
  const holder = metadata.labels?.[CLAIM_LABEL];
  if (holder === undefined || holder === '') return undefined;
  const untilMs = Date.parse(metadata.annotations?.[CLAIM_UNTIL_ANNOTATION] ?? '');
  // Of a claim that does not say until when, nobody can tell that it is good.
  return { holder, untilMs: Number.isNaN(untilMs) ? 0 : untilMs };
}

function sharedOf({ metadata, status }: WireGameServer): GameServerView['shared'] {
  const list = status?.lists?.[SESSIONS_LIST];
  if (list === undefined) return undefined;
  return {
    sessionIds: list.values ?? [],
    capacity: list.capacity ?? 0,
    seats: readSeats(metadata.annotations?.[SEATS_ANNOTATION]),
  };
}

function routeOf(gameServer: WireGameServer, choice: RouteChoice): GameServerView['route'] {
  const { spec, status } = gameServer;
  const tcpPorts = (spec.ports ?? []).filter(({ protocol }) => protocol === 'TCP');
  const chosen =
    tcpPorts.find(({ name }) => name === choice.portName) ?? (tcpPorts.length === 1 ? tcpPorts[0] : undefined);
  if (chosen === undefined) return undefined;
  const hostPort = (status?.ports ?? []).find(({ name }) => name === (chosen.name ?? 'default'))?.port;
  const preferred = (status?.addresses ?? []).find(({ type }) => type === choice.addressType)?.address;
  const address = preferred ?? status?.address ?? '';
  // A Pod has its own address and its container's port there, unless it shares its node's network.
  const isPodsOwn = choice.addressType === 'PodIP' && preferred !== undefined && preferred !== status?.address;
  const port = isPodsOwn ? chosen.containerPort : hostPort;
  return address === '' || port === undefined ? undefined : { address, port };
}
