import { CompactEncrypt, SignJWT } from 'jose';
import { JoinTokenIssuer, MAX_JOIN_TOKEN_BYTES, RouteOpener, SeatVerifier } from './join-token.ts';
import type { Seat } from './join-token.ts';
import { generateKeys, parseKeySet } from './key-set.ts';

const NOW_SECONDS = 1_800_000_000;
const ours = keyRing();
const theirs = keyRing();

const seat: Seat = {
  playerId: 'ann',
  gameServerUid: 'uid-1',
  expiresAtSeconds: NOW_SECONDS + 60,
  session: {
    version: 1,
    sessionId: 'abcdefghijklmnop',
    game: 'boat-race',
    mode: 'exclusive',
    seats: 8,
    madeAt: '2027-01-15T08:00:00.000Z',
    joinBy: '2027-01-15T08:01:00.000Z',
  },
};
const target = { address: '10.1.2.3', port: 7000 };

function keyRing() {
  const keys = generateKeys();
  const sealing = parseKeySet(keys.sealing, 'seal', 'sealing');
  const signing = parseKeySet(keys.signing, 'sign', 'signing');
  const verifying = parseKeySet(keys.verifying, 'verify', 'verifying');
  return {
    sealing,
    signing,
    issuer: new JoinTokenIssuer({ sealing, signing }),
    opener: new RouteOpener(sealing),
    verifier: new SeatVerifier(verifying),
  };
}

/** Changes one character in the middle of a part. */
function tamper(token: string, part: number): string {
  const parts = token.split('.');
  const text = parts[part] ?? '';
  const at = Math.floor(text.length / 2);
  parts[part] = `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`;
  return parts.join('.');
}

describe('a join token', () => {
  it('opens to the route and, inside, proves the seat', async () => {
    const { sealed, seatToken } = await ours.issuer.issue(seat, target);
    const route = await ours.opener.open(sealed, NOW_SECONDS);
    expect(route).toEqual({
      ...target,
      gameServerUid: 'uid-1',
      sessionId: seat.session.sessionId,
      expiresAtSeconds: seat.expiresAtSeconds,
      seatToken,
    });
    await expect(ours.verifier.verify(route.seatToken, NOW_SECONDS)).resolves.toEqual(seat);
  });

  it('shows nothing of route, player or session to who cannot open it', async () => {
    const { sealed } = await ours.issuer.issue(seat, target);
    const readable = sealed
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString('latin1'))
      .join(' ');
    for (const secret of ['10.1.2.3', 'ann', 'boat-race', seat.session.sessionId])
      expect(readable).not.toContain(secret);
  });

  it('stays below its limit with the longest of everything', async () => {
    const long: Seat = {
      ...seat,
      playerId: '\u{1F6A3}'.repeat(128),
      gameServerUid: 'u'.repeat(36),
      session: { ...seat.session, sessionId: 'a'.repeat(40), game: 'g'.repeat(63) },
    };
    const { sealed } = await ours.issuer.issue(long, { address: 'a'.repeat(253), port: 65_535 });
    expect(sealed.length).toBeLessThan(MAX_JOIN_TOKEN_BYTES);
    const { seatToken } = await ours.opener.open(sealed, NOW_SECONDS);
    await expect(ours.verifier.verify(seatToken, NOW_SECONDS)).resolves.toEqual(long);
  });

  it.each([0, 2, 3, 4])('is refused when part %d of the sealed token was changed', async (part) => {
    const { sealed } = await ours.issuer.issue(seat, target);
    await expect(ours.opener.open(tamper(sealed, part), NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it.each([0, 1, 2])('is refused when part %d of the seat token was changed', async (part) => {
    const { seatToken } = await ours.issuer.issue(seat, target);
    await expect(ours.verifier.verify(tamper(seatToken, part), NOW_SECONDS)).rejects.toMatchObject({
      code: 'token_invalid',
    });
  });

  it('is good for its time, some seconds of difference between clocks, and no longer', async () => {
    const { sealed, seatToken } = await ours.issuer.issue(seat, target);
    await ours.opener.open(sealed, seat.expiresAtSeconds + 4);
    await ours.verifier.verify(seatToken, seat.expiresAtSeconds + 4);
    const expired = { code: 'token_expired' };
    await expect(ours.opener.open(sealed, seat.expiresAtSeconds + 6)).rejects.toMatchObject(expired);
    await expect(ours.verifier.verify(seatToken, seat.expiresAtSeconds + 6)).rejects.toMatchObject(expired);
  });

  it('lets who comes back in after its expiry, for as long as it says and no longer', async () => {
    const resumableUntilSeconds = seat.expiresAtSeconds + 3600;
    const { sealed, seatToken } = await ours.issuer.issue(seat, { ...target, resumableUntilSeconds });
    const expired = { code: 'token_expired' };
    await expect(ours.opener.open(sealed, seat.expiresAtSeconds + 6)).rejects.toMatchObject(expired);
    const route = await ours.opener.open(sealed, resumableUntilSeconds + 4, { isReturn: true });
    expect(route).toMatchObject({ ...target, resumableUntilSeconds });
    const tooLate = ours.opener.open(sealed, resumableUntilSeconds + 6, { isReturn: true });
    await expect(tooLate).rejects.toMatchObject(expired);
    await expect(ours.verifier.verifyOfAnyAge(seatToken)).resolves.toEqual(seat);
  });

  it('lets nobody come back after its expiry when it does not say so', async () => {
    const { sealed } = await ours.issuer.issue(seat, target);
    await ours.opener.open(sealed, NOW_SECONDS, { isReturn: true });
    const late = ours.opener.open(sealed, seat.expiresAtSeconds + 6, { isReturn: true });
    await expect(late).rejects.toMatchObject({ code: 'token_expired' });
  });

  it('is refused by an installation with other keys', async () => {
    const { sealed, seatToken } = await theirs.issuer.issue(seat, target);
    const invalid = { code: 'token_invalid' };
    await expect(ours.opener.open(sealed, NOW_SECONDS)).rejects.toMatchObject(invalid);
    await expect(ours.verifier.verify(seatToken, NOW_SECONDS)).rejects.toMatchObject(invalid);
  });

  it('is refused when it names our key and was made with another', async () => {
    const { keyId } = ours.sealing.current();
    const forgedRoute = await new CompactEncrypt(new TextEncoder().encode('{}'))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyId })
      .encrypt(theirs.sealing.current().key);
    await expect(ours.opener.open(forgedRoute, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
    const forgedSeat = await new SignJWT({ session: seat.session })
      .setProtectedHeader({ alg: 'EdDSA', kid: ours.signing.current().keyId })
      .setIssuer('regatta')
      .setSubject('ann')
      .setAudience('uid-1')
      .setExpirationTime(NOW_SECONDS + 60)
      .sign(theirs.signing.current().key);
    await expect(ours.verifier.verify(forgedSeat, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it('is refused with an algorithm or encryption of its own choice', async () => {
    const { key, keyId } = ours.sealing.current();
    const unsigned = ['{"alg":"none"}', JSON.stringify({ sub: 'ann', aud: 'uid-1', exp: NOW_SECONDS + 60 }), '']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.');
    await expect(ours.verifier.verify(unsigned, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
    const symmetric = await new SignJWT({ session: seat.session })
      .setProtectedHeader({ alg: 'HS256', kid: keyId })
      .setIssuer('regatta')
      .setSubject('ann')
      .setAudience('uid-1')
      .setExpirationTime(NOW_SECONDS + 60)
      .sign(key);
    await expect(ours.verifier.verify(symmetric, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
    const wrapped = await new CompactEncrypt(new TextEncoder().encode('{}'))
      .setProtectedHeader({ alg: 'A256KW', enc: 'A256GCM', kid: keyId })
      .encrypt(key);
    await expect(ours.opener.open(wrapped, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it.each(['', 'x', 'a.b.c', 'a.b.c.d.e', 'x'.repeat(MAX_JOIN_TOKEN_BYTES + 1)])(
    'is refused when it is none',
    async (text) => {
      await expect(ours.opener.open(text, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
      await expect(ours.verifier.verify(text, NOW_SECONDS)).rejects.toMatchObject({ code: 'token_invalid' });
      await expect(ours.verifier.verifyOfAnyAge(text)).rejects.toMatchObject({ code: 'token_invalid' });
    },
  );
});
