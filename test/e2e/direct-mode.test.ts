import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { WebSocket } from 'ws';
import { createAuthority, createServerPair } from '../../local/allocator-service/certificates/certificate.ts';
import { ClusterView } from '../helpers/cluster-view.ts';
import { eventually } from '../helpers/conditions.ts';
import { processIdOf } from '../helpers/game-server-process.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { joinSession, newGame, Sailor } from '../helpers/sailor.ts';

const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
const authority = createAuthority('an authority', validity);
const ca = authority.certificate;
const SUFFIX = 'games.example.com';
const ATTEMPTS = 1000;
const IN_FLIGHT = 20;

let directory: string;
let local: LocalStack;
let cluster: ClusterView;

/** @returns the certificate that game servers show from now on */
function writeCertificate(): string {
  const pair = createServerPair(authority, `*.${SUFFIX}`, [`*.${SUFFIX}`], validity);
  writeFileSync(join(directory, 'tls.key'), pair.key);
  writeFileSync(join(directory, 'tls.crt'), pair.certificate);
  return pair.certificate;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'regatta-direct-'));
  writeCertificate();
  const fleets = join(directory, 'fleets');
  mkdirSync(fleets);
  const fleet = readFileSync('fleets/base/fleet.yaml', 'utf8');
  const [port = ''] = /^ +- name: game\n(?: +#.*\n| {10}.*\n)+/m.exec(fleet) ?? [];
  writeFileSync(join(fleets, 'fleet.yaml'), fleet.replace(port, port + port.replace('name: game', 'name: game-tls')));
  copyFileSync('fleets/base/fleetautoscaler.yaml', join(fleets, 'fleetautoscaler.yaml'));
  local = await LocalStack.start({
    fleets,
    // Those of one GameServer: the next has to have the same.
    gamePorts: 2,
    buffer: 1,
    allocatorEnvironment: { DIRECT_MODE: 'true', DIRECT_NAME_SUFFIX: SUFFIX },
    gameServerEnvironment: {
      TLS_CERT_FILE: join(directory, 'tls.crt'),
      TLS_KEY_FILE: join(directory, 'tls.key'),
      JOIN_KEYS_RECHECK_MS: '50',
      BOAT_RACE_WAIT_MS: '100',
      BOAT_RACE_COUNTDOWN_MS: '100',
    },
  });
  cluster = ClusterView.atUrl(local.stack.apiUrl);
}, 90_000);

afterAll(async () => {
  await local.stop();
  rmSync(directory, { recursive: true });
}, 30_000);

/** The name is one of a wildcard in a DNS that is not there: all of them lead to this machine. */
const TLS = {
  ca,
  lookup: (
    _host: string,
    _options: object,
    found: (error: null, addresses: { address: string; family: number }[]) => void,
  ) => {
    found(null, [{ address: '127.0.0.1', family: 4 }]);
  },
};

/** The certificate that is shown to who connects now. */
async function shownOn(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, ca, servername: `127-0-0-1.${SUFFIX}` });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  const shown = socket.getPeerX509Certificate()?.toString() ?? '';
  socket.destroy();
  return shown;
}

/** Tries to come in. @returns the code of the refusal, or `let in` */
function tryToJoin(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    socket.on('open', () => {
      socket.terminate();
      resolve('let in');
    });
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve((JSON.parse(body) as { code: string }).code);
      });
    });
    socket.on('error', reject);
  });
}

/** How often each outcome came of so many tries. */
async function outcomesOf(url: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  let left = ATTEMPTS;
  const tryOn = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const outcome = await tryToJoin(url);
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, tryOn));
  return counts;
}

describe('a client that connects to its game server itself', () => {
  it('plays by TLS under the name of the address, beside one that comes through the gateway; its token is not for who has the address next', async () => {
    const game = await newGame(local.stack.url, 'ann', 30);
    const { address = '', ports = [], token = '', directWsUrl = '' } = game;
    const plain = ports.find(({ name }) => name === 'game')?.port ?? 0;
    const secure = ports.find(({ name }) => name === 'game-tls')?.port ?? 0;
    expect(address).toBe('127.0.0.1');
    expect(directWsUrl).toBe(`wss://127-0-0-1.${SUFFIX}:${secure}/session/${game.sessionId}?token=${token}`);
    const sailor = new Sailor(directWsUrl, TLS);
    const { gameServer } = await sailor.hear('welcome');
    const beside = new Sailor((await joinSession(local.stack.url, game.sessionId, 'bob')).wsUrl);
    await beside.hear('welcome');
    sailor.say({ type: 'start' });
    const first = await sailor.hear('state', ({ phase }) => phase === 'racing');

    const renewed = writeCertificate();
    await eventually('the new certificate is shown', 20_000, async () =>
      (await shownOn(secure)).trim() === renewed.trim() ? true : undefined,
    );
    await sailor.hear('state', ({ tick }) => tick > first.tick + 5);
    expect(sailor.closeCode).toBeUndefined();

    process.kill(processIdOf(local.stateDirectory, gameServer), 'SIGKILL');
    await sailor.closed();
    const next = await eventually('another GameServer has the same address and port', 60_000, async () => {
      const ready = (await cluster.gameServers()).find(
        ({ metadata, status }) => metadata.name !== gameServer && status?.state === 'Ready',
      );
      const port = ready?.status?.ports?.find(({ name }) => name === 'game')?.port;
      if (ready === undefined || port === plain) return ready;
      // It has them the other way round: the one after it may not.
      const path = `/apis/agones.dev/v1/namespaces/default/gameservers/${ready.metadata.name}`;
      await fetch(`${local.stack.apiUrl}${path}`, { method: 'DELETE' });
      return undefined;
    });
    expect(next.status?.address).toBe(address);
    const refused = { token_not_for_game_server: ATTEMPTS };
    await expect(outcomesOf(`ws://${address}:${plain}/session/${game.sessionId}?token=${token}`)).resolves.toEqual(
      refused,
    );
    await expect(outcomesOf(game.wsUrl)).resolves.toEqual(refused);
  }, 150_000);
});
