import { z } from 'zod';

/** What a program was told by its environment. Passed in, so that only `main.ts` touches `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration is wrong; the message names every fault at once, one a line. Programs exit with code 2. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/**
 * Reads a program's configuration, all faults together.
 *
 * An empty variable counts as absent: `z.coerce.number()` would make 0 of it.
 *
 * @returns the frozen configuration, defaults filled in
 * @throws ConfigError
 */
export function parseEnvironment<Schema extends z.ZodType>(
  schema: Schema,
  environment: Environment,
): Readonly<z.output<Schema>> {
  const given = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) throw new ConfigError(z.prettifyError(parsed.error));
  return Object.freeze(parsed.data);
}

/** A whole number within bounds, from a variable; the default has the unit of the variable's name. */
export function wholeNumber(
  defaultValue: number,
  bounds: { min: number; max: number },
): z.ZodDefault<z.ZodCoercedNumber> {
  return z.coerce.number().int().min(bounds.min).max(bounds.max).default(defaultValue);
}

/** `true`/`false`/`1`/`0`/`yes`/`no`/`on`/`off`: `Boolean("false")` is true, so zod's own coercion will not do. */
export function flag(defaultValue: boolean): z.ZodDefault<z.ZodType<boolean, string>> {
  return z.stringbool().default(defaultValue) as unknown as z.ZodDefault<z.ZodType<boolean, string>>;
}

/** A TCP port; 0 lets the system choose. */
export function port(defaultValue: number): z.ZodDefault<z.ZodCoercedNumber> {
  return wholeNumber(defaultValue, { min: 0, max: 65_535 });
}
