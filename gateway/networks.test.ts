import { NetworkNotAllowedError, parseNetworks, PRIVATE_NETWORKS, resolveAllowed } from './networks.ts';

describe('the networks a route may point to', () => {
  const isPrivate = parseNetworks(PRIVATE_NETWORKS);

  it.each(['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.1.1', '::1', 'fd00::1', '::ffff:10.0.0.1'])(
    'are by default those that are private, such as %s',
    (address) => {
      expect(isPrivate(address)).toBe(true);
    },
  );

  it.each(['8.8.8.8', '172.32.0.1', '169.254.169.254', 'fe80::1', '2001:db8::1', '0.0.0.0', '::ffff:8.8.8.8', 'x'])(
    'are not %s',
    (address) => {
      expect(isPrivate(address)).toBe(false);
    },
  );

  it.each(['', '10.0.0.0', '10.0.0.0/33', '10.0.0.0/', 'host/8', '::/129', '10.0.0.0/8,,'])(
    'cannot be read from "%s"',
    (text) => {
      expect(() => parseNetworks(text)).toThrow(RangeError);
    },
  );

  it('hold for host names by what they resolve to', async () => {
    await expect(resolveAllowed('localhost', isPrivate)).resolves.toMatch(/^(127\.0\.0\.1|::1)$/);
    await expect(resolveAllowed('localhost', parseNetworks('10.0.0.0/8'))).rejects.toThrow(NetworkNotAllowedError);
  });
});
