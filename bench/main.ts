import { Console } from 'node:console';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measureAbuse } from './abuse/abuse.ts';
import { measureAllocations } from './allocate.ts';
import { measureClicks } from './click.ts';
import { distributionPlot } from './distribution-plot.ts';
import { measureGameServer } from './game-server.ts';
import { measureGateway } from './gateway.ts';
import { growthPlot } from './growth-plot.ts';
import { measureOverload } from './overload.ts';
import { p50AndP99 } from './percentiles.ts';
import { measureReconnect } from './reconnect.ts';
import { scalePanels, scaleRows } from './scale-report.ts';
import { measureScale } from './scale.ts';
import { measureShared } from './shared.ts';
import { measureStart } from './start.ts';
import { measureUrls } from './url.ts';
import { onCluster, startOnThisMachine } from './subject.ts';

const USAGE = `npm run bench -- NAME [options]

  click         click to address, connection and first frame, beside a GameServerAllocation sent directly
    --clicks N    how many (200)
    --url URL     a Regatta that runs already, on the cluster of KUBECONFIG; without it one is started here
    --pods N      on a cluster: as many Pods made per click (20)
    --pod-image I the image of those Pods (localhost/regatta-server:dev)
  allocate      new games at a steady rate and in a burst, beside GameServerAllocations sent directly
    --kubeconfig F  on the cluster of F, with GameServers that need no Pods; without it on local
    --per-second N, --seconds N  the steady rate, and for how long (50, 60)
    --burst N       requests of the burst, 50 in flight (500)
    --redis         with a Redis of its own, and so with GameServers claimed ahead of need
  shared        sessions that share GameServers, 50 in flight, beside GameServerAllocations sent directly
    --kubeconfig F  on the cluster of F, with GameServers that need no Pods; without it on local
    --requests N    how many (500)
  overload      many times more requests than there can be sessions, and how it ends
    --times N, --seconds N  how many times more, and for how long (10, 60)
  scale         GameServers without a program in three sizes: allocations, lists, watches, memory
    --sizes A,B,C how many (100,1000,10000)
    --turns N     rounds of 50 allocations at once, and allocations alone (40)
    --writes N    writes that are watched by 1 and by 50 (500)
  abuse         what good players notice of bad upgrades, sent to the gateway as fast as one core can
    --rounds N      of calm, a busy core, and the attack, five seconds each (5)
    --workers N     processes of the gateway (2)
    --bad-at-once N connections of the sender at once (256); beyond 1024 they are no longer slowed down
  game-server   start, memory and CPU of a game server, idle and with eight boats
  reconnect     players on three gateways, of which one is restarted every five seconds
    --players N   how many (500)
    --seconds N   for how long (60)
  gateway       one echo game server direct, through the gateway, nginx and HAProxy: round trip, CPU, memory, accepts
    --rounds N, --turn-seconds N  turns of each way, and how long one is (9, 2)
    --connections N  the most that are opened, if the machine lets them (10000)
  url           from the answer to a New Game to a connection through the gateway
    --games N     how many (1000)
  start         regatta local from the command line to two Ready GameServers, and its memory
    --runs N      how many after the first (7)
    --node PATH   the Node that starts it (this one)
  --json        figures as JSON in the last line
`;

const say = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clicks: { type: 'string', default: '200' },
    warm: { type: 'string', default: '4' },
    url: { type: 'string' },
    pods: { type: 'string', default: '20' },
    'pod-image': { type: 'string', default: 'localhost/regatta-server:dev' },
    kubeconfig: { type: 'string' },
    'per-second': { type: 'string', default: '50' },
    seconds: { type: 'string', default: '60' },
    burst: { type: 'string', default: '500' },
    redis: { type: 'boolean', default: false },
    requests: { type: 'string', default: '500' },
    times: { type: 'string', default: '10' },
    players: { type: 'string', default: '500' },
    sizes: { type: 'string', default: '100,1000,10000' },
    turns: { type: 'string', default: '40' },
    writes: { type: 'string', default: '500' },
    rounds: { type: 'string' },
    workers: { type: 'string', default: '2' },
    'bad-at-once': { type: 'string', default: '256' },
    'turn-seconds': { type: 'string', default: '2' },
    connections: { type: 'string', default: '10000' },
    games: { type: 'string', default: '1000' },
    runs: { type: 'string', default: '7' },
    node: { type: 'string', default: process.execPath },
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: 'bench/results' },
  },
});

switch (positionals[0]) {
  case 'abuse':
    await runAbuse();
    break;
  case 'click':
    await runClick();
    break;
  case 'game-server':
    await runGameServer();
    break;
  case 'allocate':
    await runAllocate();
    break;
  case 'shared':
    await runShared();
    break;
  case 'overload':
    await runOverload();
    break;
  case 'scale':
    await runScale();
    break;
  case 'reconnect':
    await runReconnect();
    break;
  case 'gateway':
    await runGateway();
    break;
  case 'url':
    await runUrl();
    break;
  case 'start':
    await runStart();
    break;
  default:
    process.stderr.write(USAGE);
    process.exitCode = 2;
}

async function runClick(): Promise<void> {
  const warm = Number(values.warm);
  const subject = values.url === undefined ? await startOnThisMachine(warm) : onCluster(values.url);
  try {
    const { summary, series } = await measureClicks(subject, {
      clicks: Number(values.clicks),
      warm: Math.max(1, warm - 1),
      pods: Number(values.pods),
      podImage: values['pod-image'],
      onProgress: say,
    });
    const where = subject.isCluster ? 'on a cluster' : 'on one machine';
    mkdirSync(values.out, { recursive: true });
    const file = join(values.out, subject.isCluster ? 'click-cluster.svg' : 'click.svg');
    writeFileSync(file, distributionPlot(`From the click, ${where}`, series));
    say(`plot: ${resolve(file)}`);
    const rows = series
      .filter(({ valuesMs }) => valuesMs.length > 0)
      .map(({ name, valuesMs }) => ({ what: name, ...p50AndP99(valuesMs), runs: valuesMs.length }));
    const table = new Console(values.json ? process.stderr : process.stdout);
    table.table(rows);
    table.log(`failed clicks: ${summary.click.failed}`);
    if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  } finally {
    await subject.stop();
  }
}

async function runAllocate(): Promise<void> {
  const { summary, series } = await measureAllocations({
    kubeconfigFile: values.kubeconfig,
    perSecond: Number(values['per-second']),
    seconds: Number(values.seconds),
    burst: Number(values.burst),
    hasRedis: values.redis,
    onProgress: say,
  });
  mkdirSync(values.out, { recursive: true });
  const where = values.kubeconfig === undefined ? 'local' : 'cluster';
  const file = join(values.out, `allocate-${where}.svg`);
  writeFileSync(file, distributionPlot(`A GameServer, on ${where === 'local' ? 'one machine' : 'a cluster'}`, series));
  say(`plot: ${resolve(file)}`);
  new Console(values.json ? process.stderr : process.stdout).table(summary);
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function runShared(): Promise<void> {
  const requests = Number(values.requests);
  const { summary, latency } = await measureShared({ kubeconfigFile: values.kubeconfig, requests, onProgress: say });
  const rows = {
    shared: { ...summary.shared, ...latency.shared },
    direct: { ...summary.direct, ...latency.direct },
  };
  new Console(values.json ? process.stderr : process.stdout).table(rows);
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function runOverload(): Promise<void> {
  const result = await measureOverload({
    times: Number(values.times),
    seconds: Number(values.seconds),
    onProgress: say,
  });
  new Console(values.json ? process.stderr : process.stdout).dir(result);
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function runScale(): Promise<void> {
  const figures = await measureScale({
    sizes: values.sizes.split(',').map(Number),
    turns: Number(values.turns),
    writes: Number(values.writes),
    onProgress: say,
  });
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, 'scale.svg');
  const sizes = figures.map(({ gameServers }) => gameServers);
  writeFileSync(file, growthPlot('One local with so many GameServers', sizes, scalePanels(figures)));
  say(`plot: ${resolve(file)}`);
  new Console(values.json ? process.stderr : process.stdout).table(scaleRows(figures));
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
}

async function runAbuse(): Promise<void> {
  const figures = await measureAbuse({
    rounds: Number(values.rounds ?? 5),
    phaseMs: 5000,
    players: 50,
    badAtOnce: Number(values['bad-at-once']),
    messagesPerSecond: 1000,
    workers: Number(values.workers),
    onProgress: say,
  });
  const table = new Console(values.json ? process.stderr : process.stdout);
  const { calm, busy, attack, ...rest } = figures;
  table.table({ calm, busy, attack });
  table.table(rest);
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
}

async function runGameServer(): Promise<void> {
  const figures = await measureGameServer(say);
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
  else console.table(figures);
}

async function runReconnect(): Promise<void> {
  const options = { players: Number(values.players), seconds: Number(values.seconds), onProgress: say };
  const figures = await measureReconnect(options);
  const { backMs, messages, ...counts } = figures;
  const rows = { ...counts, 'back p50, ms': backMs.p50, 'p99, ms': backMs.p99, 'longest, ms': backMs.max, ...messages };
  new Console(values.json ? process.stderr : process.stdout).table(rows);
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
}

async function runGateway(): Promise<void> {
  const { summary, series } = await measureGateway({
    rounds: Number(values.rounds ?? 9),
    seconds: Number(values['turn-seconds']),
    maxConnections: Number(values.connections),
    onProgress: say,
  });
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, 'gateway.svg');
  writeFileSync(file, distributionPlot('A message and its echo, 2,000 a second on 100 connections', series));
  say(`plot: ${resolve(file)}`);
  const { tokenCheck, ...ways } = summary;
  const rows = Object.entries(ways).map(([name, { at1000, atMost, ...way }]) => ({
    way: name,
    ...way,
    'p99Ms at 1,000': at1000.p99Ms,
    [`p99Ms at ${atMost.connections}`]: atMost.p99Ms,
  }));
  const table = new Console(values.json ? process.stderr : process.stdout);
  table.table(rows);
  table.log(`token check: ${tokenCheck.p50Ms} ms p50, ${tokenCheck.p99Ms} ms p99`);
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function runUrl(): Promise<void> {
  const { summary, series } = await measureUrls({ games: Number(values.games), onProgress: say });
  mkdirSync(values.out, { recursive: true });
  const file = join(values.out, 'url.svg');
  writeFileSync(file, distributionPlot('A URL, from its answer to a connection', series));
  say(`plot: ${resolve(file)}`);
  new Console(values.json ? process.stderr : process.stdout).table(summary);
  if (values.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
}

async function runStart(): Promise<void> {
  const figures = await measureStart({ runs: Number(values.runs), node: values.node, onProgress: say });
  const table = new Console(values.json ? process.stderr : process.stdout);
  table.table(
    figures.map(({ game, firstMs, readyMs, apiMs, cpuMs, runs, local }) => ({
      game,
      'first start, s': seconds(firstMs),
      'start p50, s': seconds(readyMs.p50Ms),
      'p99, s': seconds(readyMs.p99Ms),
      'API up p50, s': seconds(apiMs.p50Ms),
      'its CPU p50, s': seconds(cpuMs.p50Ms),
      runs,
      'local, processes': local.processes,
      'resident, MB': Math.round(local.residentMegabytes),
      'proportional, MB': Math.round(local.proportionalMegabytes),
    })),
  );
  if (values.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(2);
}
