import fc from 'fast-check';
import { formatSessionReport, parseSessionReport } from './session-report.ts';

describe('a report on a session', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9]{16,40}$/),
        fc.constantFrom('opened', 'joined', 'ended'),
        (sessionId, step) => {
          expect(parseSessionReport(formatSessionReport({ sessionId, step }))).toEqual({ sessionId, step });
        },
      ),
    );
  });

  it.each([
    undefined,
    '',
    'joined',
    'session000000000',
    'session000000000 left',
    'session000000000 joined twice',
    'SESSION000000000 joined',
    ' session000000000 joined',
  ])('is none: %j', (text) => {
    expect(parseSessionReport(text)).toBeUndefined();
  });
});
