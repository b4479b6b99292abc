import { Counter, Gauge, Registry } from 'prom-client';
import type { TallySnapshot } from './tally.ts';

export interface MetricsSource {
  /** Of all processes together. */
  tally: () => TallySnapshot;
  /** Processes that serve. */
  workers: () => number;
  workerRestarts: () => number;
  /** When the certificate in use runs out; undefined without one. */
  certificateExpiresAtMs: () => number | undefined;
}

/** What Prometheus is told of the whole gateway. Labels are codes and directions: nothing that names a player or a session. */
export function createMetrics(source: MetricsSource): Registry {
  const registry = new Registry();

  function held(name: string, help: string, value: () => number | undefined): void {
    const gauge: Gauge = new Gauge({
      name: `regatta_gateway_${name}`,
      help,
      registers: [registry],
      collect() {
        const current = value();
        if (current === undefined) gauge.remove();
        else gauge.set(current);
      },
    });
  }

  function counted(name: string, help: string, value: () => number): void {
    const counter: Counter = new Counter({
      name: `regatta_gateway_${name}`,
      help,
      registers: [registry],
      collect() {
        // It was counted elsewhere, and is only told here.
        counter.reset();
        counter.inc(value());
      },
    });
  }

  function countedBy(label: string, name: string, help: string, values: () => Record<string, number>): void {
    const counter: Counter = new Counter({
      name: `regatta_gateway_${name}`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        counter.reset();
        for (const [key, count] of Object.entries(values())) counter.inc({ [label]: key }, count);
      },
    });
  }

  const { tally } = source;
  held('connections', 'TCP connections that are open', () => tally().openConnections);
  held('sessions', 'Players that are connected to a GameServer', () => tally().openSessions);
  held('handshakes', 'Upgrades that are under way', () => tally().handshakesUnderWay);
  held('resident_bytes', 'Memory of all processes', () => tally().residentBytes);
  held('workers', 'Processes that serve', source.workers);
  held('certificate_expiry_seconds', 'When the certificate in use runs out, in Unix time', () => {
    const expiresAtMs = source.certificateExpiresAtMs();
    return expiresAtMs === undefined ? undefined : expiresAtMs / 1000;
  });
  counted('connections_total', 'TCP connections that were taken', () => tally().connections);
  counted('sessions_total', 'Players that were connected to a GameServer', () => tally().sessions);
  counted('cpu_seconds_total', 'Processor time of all processes', () => tally().cpuSeconds);
  counted('worker_restarts_total', 'Workers started in place of one that died', source.workerRestarts);
  countedBy('code', 'refusals_total', "Answers with a problem of the gateway's own", () => tally().refusals);
  countedBy('reason', 'drops_total', 'Connections that were reset without a word', () => tally().drops);
  countedBy('to', 'bytes_total', 'Bytes of sessions that were passed on', () => ({
    client: tally().bytesToClients,
    game_server: tally().bytesToGameServers,
  }));
  return registry;
}
