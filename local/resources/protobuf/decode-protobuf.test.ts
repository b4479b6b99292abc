import { decodeKubernetesProtobuf } from './decode-protobuf.ts';

/** As kubectl 1.32 sends them. */
const SENT = {
  configMap:
    '6b3873000a0f0a0276311209436f6e6669674d6170121c0a120a02633912001a0022002a0032003800420012060a01611201621a002200',
  secret: '6b3873000a0c0a0276311206536563726574121e0a120a02733912001a0022002a0032003800420012060a01611201621a002200',
  accessReview:
    '6b3873000a320a17617574686f72697a6174696f6e2e6b38732e696f2f7631121753656c665375626a656374416363657373526576696577' +
    '123c0a100a0012001a0022002a00320038004200121e0a1c0a0764656661756c7412036765741a0022002a04706f647332003a001a0808' +
    '0012001a0020001a002200',
};

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');

describe('Kubernetes protobuf', () => {
  it('is read as the JSON of the object', () => {
    expect(decodeKubernetesProtobuf(bytes(SENT.configMap))).toEqual({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c9', creationTimestamp: null },
      data: { a: 'b' },
    });
    expect(decodeKubernetesProtobuf(bytes(SENT.accessReview))).toMatchObject({
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { namespace: 'default', verb: 'get', resource: 'pods' } },
    });
  });

  it('gives the bytes of a Secret in base64', () => {
    expect(decodeKubernetesProtobuf(bytes(SENT.secret))).toMatchObject({ kind: 'Secret', data: { a: 'Yg==' } });
  });

  it('of a kind that is not known is nothing', () => {
    expect(decodeKubernetesProtobuf(bytes('6b3873000a0b0a02763112054f74686572'))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['JSON', Buffer.from('{"kind":"ConfigMap"}').toString('hex')],
    ['an object that is broken off', SENT.configMap.slice(0, -40)],
  ])('cannot be read from %s', (_what, hex) => {
    expect(() => decodeKubernetesProtobuf(bytes(hex))).toThrow();
  });
});
