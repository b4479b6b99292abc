import { connect } from 'node:net';

/** What the sender is told: where to, from which address, what, and for how long. */
export interface Attack {
  port: number;
  localAddress: string;
  /** Whole requests, or the beginning of one. */
  requests: string[];
  /** Connections at once. */
  atOnce: number;
  durationMs: number;
}

/** What it has to say afterwards. */
export interface AttackReport {
  sent: number;
  /** Got an answer of HTTP. */
  answered: number;
}

/** A request that is only begun is held for so long, unless the other side ends it. */
const HOLD_MS = 2000;

// Sends bad upgrades as fast as this process can, which is one core. It ends with the process that started it.
process.on('message', (message) => {
  void send(message as Attack).then((report) => process.send?.(report));
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');

async function send(attack: Attack): Promise<AttackReport> {
  const report: AttackReport = { sent: 0, answered: 0 };
  const untilMs = performance.now() + attack.durationMs;
  await Promise.all(
    Array.from({ length: attack.atOnce }, async () => {
      while (performance.now() < untilMs) {
        report.sent += 1;
        if (await sendOne(attack, report.sent)) report.answered += 1;
      }
    }),
  );
  return report;
}

function sendOne({ port, localAddress, requests }: Attack, turn: number): Promise<boolean> {
  const request = requests[turn % requests.length] ?? '';
  return new Promise((resolve) => {
    let isAnswered = false;
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    const timer = setTimeout(() => socket.destroy(), HOLD_MS);
    socket.on('connect', () => socket.write(request, 'latin1'));
    socket.on('data', () => (isAnswered = true));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(isAnswered);
    });
  });
}
