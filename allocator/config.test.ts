import { ConfigError } from '../lib/config.ts';
import { loadConfig, loggableConfig } from './config.ts';

const NEEDED = { SEALING_KEYS_FILE: 'sealing.json', SIGNING_KEYS_FILE: 'signing.json' };
const PASSWORD = 'a-password-nobody-may-read';

function faultOf(environment: Record<string, string>): string {
  try {
    loadConfig({ ...NEEDED, ...environment });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}

describe('the configuration of the store', () => {
  it.each<[string, Record<string, string>, string]>([
    ['a URL of something else', { REDIS_URL: `http://:${PASSWORD}@redis` }, 'REDIS_URL'],
    ['two addresses', { REDIS_URL: `redis://:${PASSWORD}@redis`, REDIS_URL_FILE: 'url' }, 'REDIS_URL_FILE'],
    ['calls that may outlast a lease', { STORE_TIMEOUT_MS: '1000', KEY_LEASE_MS: '3000' }, 'STORE_TIMEOUT_MS'],
    ['a Lease that cannot be one', { ALLOCATOR_LEASE: 'Not a name' }, 'ALLOCATOR_LEASE'],
  ])('refuses %s by the name of the variable, without what it holds', (_what, environment, name) => {
    const fault = faultOf(environment);
    expect(fault).toContain(name);
    expect(fault).not.toContain(PASSWORD);
  });

  it('is told to the log without the address', () => {
    const config = loadConfig({ ...NEEDED, REDIS_URL: `rediss://:${PASSWORD}@redis:6380/1` });
    expect(loggableConfig(config)).toMatchObject({ store: 'redis' });
    expect(JSON.stringify(loggableConfig(config))).not.toContain(PASSWORD);
    expect(loggableConfig(loadConfig(NEEDED))).toMatchObject({ store: 'memory' });
  });
});
