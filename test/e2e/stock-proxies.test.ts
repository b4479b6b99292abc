import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { chooseFreePort } from '../../bin/free-ports.ts';
import { createAuthority, createServerPair } from '../../local/allocator-service/certificates/certificate.ts';
import { processIdOf } from '../helpers/game-server-process.ts';
import { LocalStack } from '../helpers/local-stack.ts';
import { findProgram } from '../helpers/requirements.ts';
import { Sailor } from '../helpers/sailor.ts';
import { startHaproxy, startNginx } from '../helpers/stock-proxy.ts';
import type { StockProxy } from '../helpers/stock-proxy.ts';

const validity = { notBeforeMs: Date.now() - 86_400_000, notAfterMs: Date.now() + 86_400_000 };
const authority = createAuthority('an authority', validity);
const pair = createServerPair(authority, 'localhost', ['localhost', '127.0.0.1'], validity);
const ca = authority.certificate;
const documented = (file: string): string => readFileSync(join('docs/proxies', file), 'utf8');

let local: LocalStack;
let gatewayPort: number;
let authorityPort: number;

beforeAll(async () => {
  authorityPort = await chooseFreePort();
  local = await LocalStack.start({
    buffer: 2,
    gatewayEnvironment: { AUTHORITY_PORT: String(authorityPort), TRUST_PROXY: 'true', CONNECT_RETRY_MS: '0' },
    gameServerEnvironment: { BOAT_RACE_WAIT_MS: '100', BOAT_RACE_COUNTDOWN_MS: '100' },
  });
  gatewayPort = Number(new URL(local.stack.url).port);
}, 90_000);

afterAll(async () => {
  await local.stop();
}, 30_000);

/** A documented file with the ports and paths of this test in place of its own. */
function adapted(text: string, changes: Record<string, string>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`the documented file has no ${from}`);
    return changed.replaceAll(from, to);
  }, text);
}

async function nginx(program: string): Promise<StockProxy> {
  const port = await chooseFreePort();
  const http = adapted(documented('nginx.conf'), {
    'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
    '/etc/regatta/tls/': '',
    '/var/log/nginx/regatta.log': 'access.log',
    '127.0.0.1:8080': `localhost:${gatewayPort}`,
    '127.0.0.1:9081': `localhost:${authorityPort}`,
  });
  return startNginx({ program, port, http, files: { 'tls.crt': pair.certificate, 'tls.key': pair.key } });
}

async function haproxy(program: string): Promise<StockProxy> {
  const port = await chooseFreePort();
  const config = adapted(documented('haproxy.cfg'), {
    'bind :443': `bind 127.0.0.1:${port}`,
    '/etc/regatta/tls/site.pem': 'site.pem',
    '127.0.0.1:8080': `localhost:${gatewayPort}`,
    'maxconn 20000': 'maxconn 500',
  });
  const lua = adapted(documented('regatta.lua'), { '127.0.0.1:9081': `localhost:${authorityPort}` });
  const files = { 'regatta.lua': lua, 'site.pem': pair.certificate + pair.key };
  return startHaproxy({ program, port, config, files });
}

/** Everything the proxy has written anywhere. */
function logsOf({ directory, output }: StockProxy): string {
  const accessLog = join(directory, 'access.log');
  return output() + (existsSync(accessLog) ? readFileSync(accessLog, 'utf8') : '');
}

async function newGameBy(port: number): Promise<{ sessionId: string; wsUrl: string }> {
  const asked = request(`https://localhost:${port}/api/new-game`, {
    method: 'POST',
    ca,
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
  });
  asked.end('{"playerId":"ann"}');
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  expect([answer.statusCode, text]).toEqual([201, expect.any(String)]);
  return JSON.parse(text) as { sessionId: string; wsUrl: string };
}

describe.each([
  ['nginx', nginx],
  ['haproxy', haproxy],
] as const)('%s as docs/proxies has it', (name, start) => {
  const program = findProgram(name);
  const itWithProxy = program === undefined ? it.skip : it;
  let proxy: StockProxy | undefined;

  beforeAll(async () => {
    if (program !== undefined) proxy = await start(program);
  }, 30_000);

  afterAll(async () => {
    await proxy?.stop();
  });

  itWithProxy(
    'takes a player to the game, refuses a forged token, and writes no token down',
    async () => {
      if (proxy === undefined) throw new Error('the proxy did not start');
      const { sessionId, wsUrl } = await newGameBy(proxy.port);
      expect(wsUrl).toMatch(new RegExp(`^wss://localhost:${proxy.port}/session/${sessionId}\\?token=`));
      const sailor = new Sailor(wsUrl, { ca });
      const { gameServer } = await sailor.hear('welcome');
      const first = await sailor.hear('state', ({ phase }) => phase === 'racing');
      sailor.say({ type: 'steer', rudder: 0.2, sheet: 0.8 });
      await sailor.hear('state', ({ tick }) => tick > first.tick + 5);

      const middle = wsUrl.indexOf('token=') + 150;
      const forged = wsUrl.slice(0, middle) + (wsUrl[middle] === 'A' ? 'B' : 'A') + wsUrl.slice(middle + 1);
      const refused = await new Sailor(forged, { ca }).refused();
      expect([refused.status, JSON.parse(refused.body)]).toMatchObject([401, { code: 'token_invalid' }]);
      const none = await new Sailor(wsUrl.replace(/\?.*/, ''), { ca }).refused();
      expect([none.status, JSON.parse(none.body)]).toMatchObject([401, { code: 'token_missing' }]);

      process.kill(processIdOf(local.stateDirectory, gameServer), 'SIGKILL');
      await sailor.closed();
      expect((await new Sailor(wsUrl, { ca }).refused()).status).toBeGreaterThanOrEqual(502);

      const logs = logsOf(proxy);
      expect(logs).toContain(`/session/${sessionId}`);
      expect(logs).not.toContain('token=');
      for (const part of new URL(wsUrl).searchParams.get('token')?.split('.').filter(Boolean) ?? []) {
        expect(logs).not.toContain(part);
      }
    },
    60_000,
  );
});
