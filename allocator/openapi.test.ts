import { readFileSync } from 'node:fs';
import { CLIENT_TYPES_FILE, clientTypes, OPENAPI_FILE, openApiDocument, openApiYaml } from './openapi.ts';

describe('docs/api/openapi.yaml', () => {
  it('is what the schemas say: else run `node allocator/openapi.ts --write`', () => {
    expect(readFileSync(OPENAPI_FILE, 'utf8')).toBe(openApiYaml());
  });

  it('has a Problem for every answer that is a fault', () => {
    const faults = Object.values(openApiDocument().paths ?? {}).flatMap((path) =>
      Object.values(path).flatMap((operation: { responses?: Record<string, object> }) =>
        Object.entries(operation.responses ?? {}).filter(([status]) => Number(status) >= 400),
      ),
    );
    expect(faults.length).toBeGreaterThan(20);
    for (const [, response] of faults) expect(response).toHaveProperty(['content']);
  });
});

describe('client/api-types.ts', () => {
  it('is what the schemas say: else run `node allocator/openapi.ts --write`', () => {
    expect(readFileSync(CLIENT_TYPES_FILE, 'utf8')).toBe(clientTypes());
  });
});
