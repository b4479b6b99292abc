import { readFileSync } from 'node:fs';
import { CLOSE_CODES } from './close-codes.ts';
import { ERRORS } from './errors.ts';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
const openApi = readFileSync(new URL('../docs/api/openapi.yaml', import.meta.url), 'utf8');

/** What the page says under each heading. */
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', , facts = ''] = section.split('\n');
      return [heading, facts];
    }),
);

describe('docs/errors.md', () => {
  it.each(Object.entries(ERRORS))('explains %s as the table has it', (code, { status, title, retryable }) => {
    expect(sections.get(code)).toBe(`${status} · ${title} · ${retryable ? 'retryable' : 'not retryable'}`);
  });

  it.each(Object.entries(CLOSE_CODES))('explains the close code %s as the table has it', (name, spec) => {
    const may = spec.mayReconnect ? 'may connect again' : 'must not connect again';
    expect(sections.get(`${spec.code} ${name}`)).toBe(`${spec.reason} · ${may}`);
  });

  it('has no heading that is in neither table', () => {
    const known = [...Object.keys(ERRORS), ...Object.entries(CLOSE_CODES).map(([name, { code }]) => `${code} ${name}`)];
    expect([...sections.keys()].toSorted()).toEqual(known.toSorted());
  });
});

describe('docs/api/openapi.yaml', () => {
  it.each(Object.keys(ERRORS))('has an answer with the code %s', (code) => {
    expect(openApi).toContain(`\`${code}\`: `);
  });
});
