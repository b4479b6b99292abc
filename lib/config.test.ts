import { z } from 'zod';
import { ConfigError, flag, parseEnvironment, port, wholeNumber } from './config.ts';

const schema = z.object({
  NAME: z.string(),
  PORT: port(8080),
  WAIT_SECONDS: wholeNumber(10, { min: 1, max: 60 }),
  TRUST: flag(false),
});

describe('parseEnvironment', () => {
  it('fills defaults in and freezes', () => {
    const config = parseEnvironment(schema, { NAME: 'a' });
    expect(config).toEqual({ NAME: 'a', PORT: 8080, WAIT_SECONDS: 10, TRUST: false });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('takes an empty variable for an absent one, not for 0', () => {
    expect(parseEnvironment(schema, { NAME: 'a', PORT: '', TRUST: '' })).toMatchObject({ PORT: 8080, TRUST: false });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['on', true],
    ['false', false],
    ['0', false],
    ['no', false],
  ])('reads the flag %s as %s', (text, value) => {
    expect(parseEnvironment(schema, { NAME: 'a', TRUST: text }).TRUST).toBe(value);
  });

  it.each(['1.5', '0', '61', 'ten', '1e9'])('refuses %s for a whole number from 1 to 60', (text) => {
    expect(() => parseEnvironment(schema, { NAME: 'a', WAIT_SECONDS: text })).toThrow(ConfigError);
  });

  it('names all faults at once', () => {
    const fault = (() => {
      try {
        parseEnvironment(schema, { PORT: '70000', WAIT_SECONDS: '0', TRUST: 'maybe' });
      } catch (error) {
        return String(error);
      }
      return '';
    })();
    for (const name of ['NAME', 'PORT', 'WAIT_SECONDS', 'TRUST']) expect(fault).toContain(name);
  });
});
