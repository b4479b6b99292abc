import fc from 'fast-check';
import { parseClientMessage } from './client-message.ts';

test.each([
  ['{"type":"hello","name":"  Ann\\u202e\\n "}', { type: 'hello', name: 'Ann' }],
  ['{"type":"hello","name":"abcdefghijklmnopqrstuvwxyz"}', { type: 'hello', name: 'abcdefghijklmnopqrst' }],
  ['{"type":"steer","rudder":-7,"sheet":3}', { type: 'steer', rudder: -1, sheet: 1 }],
  ['{"type":"start"}', { type: 'start' }],
  ['{"type":"ping","nonce":5}', { type: 'ping', nonce: 5 }],
])('reads %s', (text, message) => {
  expect(parseClientMessage(text)).toEqual(message);
});

test.each([
  '',
  'x',
  'null',
  '[]',
  '7',
  '{}',
  '{"type":"win"}',
  '{"type":"hello"}',
  '{"type":"steer","rudder":"1","sheet":1}',
  '{"type":"steer","rudder":null,"sheet":1}',
  '{"type":"ping"}',
])('does not read %s', (text) => {
  expect(parseClientMessage(text)).toBeUndefined();
});

test('whatever is sent, steering is within its bounds', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (rudder, sheet) => {
      const message = parseClientMessage(JSON.stringify({ type: 'steer', rudder, sheet }));
      if (message?.type !== 'steer') return;
      expect(message.rudder).toBeGreaterThanOrEqual(-1);
      expect(message.rudder).toBeLessThanOrEqual(1);
      expect(message.sheet).toBeGreaterThanOrEqual(0);
      expect(message.sheet).toBeLessThanOrEqual(1);
    }),
    { seed: 2 },
  );
});
