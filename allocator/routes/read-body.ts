import express from 'express';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import { ProblemError } from '../../lib/errors.ts';
import type { FieldError } from '../../lib/errors.ts';

const MAX_FIELD_ERRORS = 20;

/** Reads a JSON body up to `maxBytes`; other types are refused, also where the parser would only look away. */
export function jsonBody(maxBytes: number): RequestHandler {
  const parse = express.json({ limit: maxBytes, type: 'application/json', inflate: false, strict: false });
  return (request: Request, response: Response, next: NextFunction): void => {
    // The parser makes `{}` of a body of length 0.
    const isEmpty = request.get('transfer-encoding') === undefined && Number(request.get('content-length') ?? 0) === 0;
    if (isEmpty) next();
    else if (request.is('application/json') === false) {
      throw new ProblemError('unsupported_media_type', 'The Content-Type must be application/json');
    } else parse(request, response, next);
  };
}

/**
 * The body of a request, checked.
 *
 * @throws ProblemError invalid_request, with each field that is wrong
 */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  if (body === undefined) {
    throw new ProblemError('invalid_request', 'The request needs a body', {
      errors: [{ field: 'body', message: 'is missing' }],
    });
  }
  return check(schema, body, '');
}

/**
 * The query of a request, checked. A parameter that is there twice counts once: the last.
 *
 * @throws ProblemError invalid_request, with each parameter that is wrong
 */
export function parseQuery<Schema extends z.ZodType>(schema: Schema, request: Request): z.output<Schema> {
  const { searchParams } = new URL(request.originalUrl, 'http://allocator');
  return check(schema, Object.fromEntries(searchParams), 'query ');
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown, where: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = firstOfEachField(parsed.error.issues.flatMap(fieldErrorsOf))
    .slice(0, MAX_FIELD_ERRORS)
    .map(({ field, message }) => ({ field: `${where}${field}`, message }));
  throw new ProblemError('invalid_request', `Wrong: ${errors.map(({ field }) => field).join(', ')}`, { errors });
}

function firstOfEachField(errors: FieldError[]): FieldError[] {
  return errors.filter(({ field }, index) => errors.findIndex((other) => other.field === field) === index);
}

function fieldErrorsOf(issue: z.core.$ZodIssue): FieldError[] {
  const field = pathOf(issue.path);
  if (issue.code !== 'unrecognized_keys') return [{ field: field === '' ? 'body' : field, message: issue.message }];
  return issue.keys.map((key) => ({
    field: pathOf([...issue.path, key.slice(0, 64)]),
    message: 'is not known here',
  }));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      return index === 0 ? String(part).slice(0, 64) : `.${String(part).slice(0, 64)}`;
    })
    .join('');
}
