import { jest } from '@jest/globals';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createAuthority, createClientPair } from '../../../local/allocator-service/certificates/certificate.ts';
import { CERTIFICATE_FILES } from '../../../local/allocator-service/certificates/local-certificates.ts';
import { eventually } from '../../helpers/conditions.ts';
import { TwoLocals } from './two-locals.ts';
import type { Answer } from './two-locals.ts';

jest.setTimeout(120_000);

let two: TwoLocals;
afterEach(() => two.stop());

/** A client's pair of a new authority, which the service is told to trust beside the one before. */
function newPair() {
  const validity = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 3_600_000 };
  const authority = createAuthority('the next one', validity);
  const trusted = join(two.directory, 'far', 'allocator-service', CERTIFICATE_FILES.clientAuthorities);
  writeFileSync(join(trusted, 'next.crt'), authority.certificate);
  return { trusted, client: createClientPair(authority, 'the next client', validity) };
}

function clientFile(name: string): Buffer {
  return readFileSync(join(two.clientFiles, name));
}

/** Whether the service speaks to whoever shows this. */
function isLetIn(shown: { cert: Buffer; key: Buffer }): Promise<boolean> {
  return new Promise((resolve) => {
    const ca = clientFile('ca.crt');
    const socket = connect({ host: 'localhost', port: two.door.port, ca, ALPNProtocols: ['h2'], ...shown });
    const conclude = (is: boolean): void => {
      resolve(is);
      socket.destroy();
    };
    // Its first frame comes when it has seen what it was shown.
    socket.once('data', () => {
      conclude(true);
    });
    for (const event of ['error', 'close']) {
      socket.once(event, () => {
        conclude(false);
      });
    }
  });
}

/** New games in `far`, one after the other in a few rows, until it is told to stop. */
function load(): { stop: () => Promise<Answer[]>; answers: Answer[] } {
  const answers: Answer[] = [];
  let isStopped = false;
  const rows = Array.from({ length: 4 }, async () => {
    while (!isStopped) answers.push(await two.newGame({ region: 'asia' }));
  });
  return {
    answers,
    async stop() {
      isStopped = true;
      await Promise.all(rows);
      return answers;
    },
  };
}

describe('the certificates of the way into a cluster', () => {
  it('are replaced under load: a half written pair is passed over, the next handshake uses the new one, no call fails', async () => {
    two = await TwoLocals.start({ near: 0, far: 3000 });
    const { trusted, client } = newPair();
    const before = { cert: clientFile('tls.crt'), key: clientFile('tls.key') };
    const loaded = load();
    const answered = async (more: number): Promise<void> => {
      const goal = loaded.answers.length + more;
      await eventually('answers', 30_000, () => (loaded.answers.length >= goal ? true : undefined));
    };
    await answered(50);
    const connectionsBefore = two.door.passed;

    // The key comes first and is not the certificate's; then half of a certificate.
    writeFileSync(join(two.clientFiles, 'tls.key'), client.key);
    await eventually('a warning', 10_000, () => (two.warnings.length > 0 ? true : undefined));
    writeFileSync(join(two.clientFiles, 'tls.crt'), client.certificate.slice(0, 300));
    await eventually('another warning', 10_000, () => (two.warnings.length > 1 ? true : undefined));
    await answered(50);
    expect(two.door.passed).toBe(connectionsBefore);

    writeFileSync(join(two.clientFiles, 'next.crt'), client.certificate);
    renameSync(join(two.clientFiles, 'next.crt'), join(two.clientFiles, 'tls.crt'));
    await eventually('a new connection', 10_000, () => (two.door.passed > connectionsBefore ? true : undefined));
    await answered(50);
    const answers = await loaded.stop();
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map(TwoLocals.clusterOf))).toEqual(new Set(['far']));
    expect(two.warnings).toEqual(two.warnings.map(() => 'keeping the last good client certificates'));

    // Whom the service trusted before it trusts no more: what shakes hands now has the new pair.
    rmSync(join(trusted, 'ca.crt'));
    await eventually('the end of the old pair', 20_000, async () => ((await isLetIn(before)) ? undefined : true));
    two.door.slam();
    expect((await two.newGame({ region: 'asia' })).status).toBe(201);
  });

  it('that the service does not trust leave sessions to the other cluster', async () => {
    two = await TwoLocals.start({ near: 2, far: 2 });
    const { trusted } = newPair();
    rmSync(join(trusted, 'ca.crt'));
    await eventually('the service trusts nobody', 20_000, async () => {
      two.door.slam();
      const answer = await two.newGame({ region: 'asia' }, { prefer: 'wait=0' });
      return TwoLocals.clusterOf(answer) === 'near' ? true : undefined;
    });
  });
});
