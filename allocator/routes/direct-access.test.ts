import { nameOfAddress } from './direct-access.ts';

describe('the name of an address', () => {
  it.each([
    ['203.0.113.7', '203-0-113-7'],
    ['2001:db8::7', '2001-db8--7'],
    ['::1', '0--1'],
    ['2001:db8::', '2001-db8--0'],
    ['::ffff:203.0.113.7', '0--ffff-203-0-113-7'],
  ])('of %s is one label of a host name, %s', (address, name) => {
    expect(nameOfAddress(address)).toBe(name);
    expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
  });
});
