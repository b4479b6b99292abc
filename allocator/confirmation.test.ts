import { formatSessionReport, SESSION_REPORT_ANNOTATION } from '../lib/session-report.ts';
import { parseSessionDescriptor, SESSION_KEY } from '../lib/session.ts';
import { startTestAllocator, until } from './testing/running-allocator.ts';
import type { TestAllocator, TestAnswer } from './testing/running-allocator.ts';

let allocator: TestAllocator;
afterEach(() => allocator.stop());

async function start(count: number, environment: Record<string, string> = {}): Promise<void> {
  allocator = await startTestAllocator(
    (kubernetes) => {
      kubernetes.addFleet('boats', 'boat-race', 8);
      for (let index = 0; index < count; index += 1) kubernetes.addGameServer(`boats-${index}`, 'boat-race');
    },
    { ALLOCATE_BY: 'Patch', CONFIRM: 'on', ...environment },
  );
}

const newGame = (wait: number): Promise<TestAnswer> =>
  allocator.post('/api/new-game', { playerId: 'a' }, { prefer: `wait=${wait}` });

const inState = (state: string): string[] =>
  allocator.kubernetes.gameServers().flatMap(({ metadata, status }) => (status?.state === state ? metadata.name : []));

/** As the game server does. */
function report(name: string, step: 'opened' | 'joined', sessionId?: string): void {
  const { labels = {} } = allocator.kubernetes.gameServer(name)?.metadata ?? {};
  const text = formatSessionReport({ sessionId: sessionId ?? labels[SESSION_KEY] ?? '', step });
  allocator.kubernetes.annotate(name, { [SESSION_REPORT_ANNOTATION]: text });
}

describe('with CONFIRM=on', () => {
  it.each(['opened', 'joined'] as const)('answers when the game server has reported: %s', async (step) => {
    await start(1);
    let isAnswered = false;
    const answer = newGame(30).finally(() => (isAnswered = true));
    await until(() => inState('Allocated').length === 1);
    const { annotations = {} } = allocator.kubernetes.gameServer('boats-0')?.metadata ?? {};
    expect(parseSessionDescriptor(annotations[SESSION_KEY])).toMatchObject({ confirm: true });
    // A report on a session of before says nothing of this one.
    report('boats-0', step, 'anothersession00');
    await fetch(`${allocator.url}/healthz`);
    expect(isAnswered).toBe(false);
    report('boats-0', step);
    expect((await answer).status).toBe(201);
  });

  it('gives a GameServer up that says nothing, and tries the next', async () => {
    await start(2, { CONFIRM_WITHIN_MS: '200' });
    const answer = newGame(30);
    await until(() => inState('Shutdown').length === 1);
    await until(() => inState('Allocated').length === 1);
    const [second = ''] = inState('Allocated');
    report(second, 'opened');
    const { status, body } = await answer;
    expect([status, body.allocation.gameServer]).toEqual([201, second]);
  });

  it('answers 503 at the deadline when none confirms, and leaves nothing behind', async () => {
    await start(2, { CONFIRM_WITHIN_MS: '200' });
    const { status, body, headers } = await newGame(1);
    expect([status, body.code, body.retryable]).toEqual([503, 'no_capacity', true]);
    expect(headers.get('retry-after')).toBe('2');
    expect(inState('Shutdown')).toHaveLength(2);
  });

  it('says so when the deadline comes first, and gives the GameServer up afterwards', async () => {
    await start(1, { CONFIRM_WITHIN_MS: '1500', ANSWER_GRACE_MS: '100' });
    const { status, body } = await newGame(1);
    expect([status, body.code]).toEqual([503, 'session_not_confirmed']);
    await until(() => inState('Shutdown').length === 1);
  });
});
