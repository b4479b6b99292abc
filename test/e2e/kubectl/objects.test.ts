import { jest } from '@jest/globals';
import { describeWithKubectl, LocalWithKubectl } from './kubectl.ts';
import type { Kubectl } from './kubectl.ts';

// Each command is a program of its own.
jest.setTimeout(60_000);

/** A Fleet that needs no processes. */
const FLEET = `apiVersion: agones.dev/v1
kind: Fleet
metadata: { name: boats, labels: { season: winter } }
spec:
  replicas: 2
  template:
    metadata: { annotations: { agones.dev/dev-address: 127.0.0.1 } }
    spec:
      ports: [{ name: game, portPolicy: Static, hostPort: 7777, containerPort: 7777 }]
      template: { spec: { containers: [{ name: game, image: "no/such:1" }] } }
`;

describeWithKubectl('kubectl, without flags,', () => {
  let local: LocalWithKubectl;
  let kubectl: Kubectl;
  let file: string;

  beforeAll(async () => {
    local = await LocalWithKubectl.start();
    ({ kubectl } = local);
    file = await kubectl.file('fleet.yaml', FLEET);
    await kubectl.run('apply', '-f', file);
    await kubectl.run('wait', '--for=jsonpath={.status.readyReplicas}=2', 'fleet/boats', '--timeout=20s');
  }, 60_000);

  afterAll(() => local.stop(), 30_000);

  it.each([
    [['configmap', 'made', '--from-literal=a=b'], ['get', 'cm', 'made', '-o', 'jsonpath={.data.a}'], 'b'],
    [
      ['secret', 'generic', 'made', '--from-literal=a=b'],
      ['get', 'secret', 'made', '-o', 'jsonpath={.data.a}'],
      'Yg==',
    ],
    [['serviceaccount', 'made'], ['get', 'sa', 'made', '-o', 'name'], 'serviceaccount/made\n'],
    [['namespace', 'made'], ['get', 'ns', 'made', '-o', 'jsonpath={.status.phase}'], 'Active'],
  ])('creates %j, whose body is protobuf', async (what, read, expected) => {
    expect(await kubectl.run('create', ...what)).toContain('created');
    expect(await kubectl.run(...read)).toBe(expected);
  });

  it('patches objects of core/v1 strategically, custom ones by merge and JSON patch', async () => {
    await kubectl.run('create', 'configmap', 'patched', '--from-literal=a=b');
    await kubectl.run('patch', 'cm', 'patched', '-p', '{"data":{"c":"d"}}');
    expect(await kubectl.run('get', 'cm', 'patched', '-o', 'jsonpath={.data}')).toBe('{"a":"b","c":"d"}');
    await kubectl.run('patch', 'fleet', 'boats', '--type=merge', '-p', '{"metadata":{"labels":{"x":"y"}}}');
    await kubectl.run('patch', 'fleet', 'boats', '--type=json', '-p', '[{"op":"remove","path":"/metadata/labels/x"}]');
    const refused = await kubectl.try('patch', 'fleet', 'boats', '-p', '{"spec":{"replicas":1}}');
    expect(refused.errors).toContain('strategic-merge-patch+json is not supported');
  });

  it('shows objects as names, YAML, JSON, columns and by path', async () => {
    expect(await kubectl.run('get', 'flt', '-o', 'name')).toBe('fleet.agones.dev/boats\n');
    expect(await kubectl.run('get', 'fleet', 'boats', '-o', 'yaml')).toMatch(
      /^apiVersion: agones.dev\/v1\nkind: Fleet\n/,
    );
    expect(JSON.parse(await kubectl.run('get', 'gs', '-o', 'json'))).toMatchObject({ kind: 'List', items: [{}, {}] });
    const columns = await kubectl.run('get', 'gs', '-o', 'custom-columns=STATE:.status.state');
    expect(columns).toBe('STATE\nReady\nReady\n');
    expect(await kubectl.run('get', 'gs', '-l', 'agones.dev/fleet=none')).toBe('');
    expect(await kubectl.run('get', 'all,fleets', '-A', '--show-labels')).toContain('season=winter');
  });

  it('shows who holds a Lease', async () => {
    const lease = `apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: { name: held }
spec: { holderIdentity: somebody, renewTime: "2026-01-01T00:00:00.000000Z" }
`;
    await kubectl.run('apply', '-f', await kubectl.file('lease.yaml', lease));
    expect(await kubectl.run('get', 'lease', 'held')).toMatch(/^NAME\s+HOLDER\s+AGE\nheld\s+somebody\s+\d+s\n$/);
    expect(await kubectl.run('explain', 'lease.spec.holderIdentity')).toContain('FIELD: holderIdentity <string>');
  });

  it('labels, annotates, and edits', async () => {
    expect(await kubectl.run('label', 'fleet', 'boats', 'class=laser')).toContain('labeled');
    expect((await kubectl.try('label', 'fleet', 'boats', 'class=star')).errors).toContain(
      'already has a value (laser)',
    );
    expect(await kubectl.run('annotate', 'gs', '--all', 'note=seen')).toContain('annotated');
    const edited = await kubectl.edit('fleet', 'boats', 'class: laser', 'class: star');
    expect(edited.output).toContain('edited');
    expect(await kubectl.run('get', 'fleet', 'boats', '-o', 'jsonpath={.metadata.labels.class}')).toBe('star');
  });

  it('says what would differ, and replaces', async () => {
    const other = await kubectl.file('other.yaml', FLEET.replace('winter', 'spring'));
    const diff = await kubectl.try('diff', '-f', other);
    expect(diff.code).toBe(1);
    expect(diff.output).toMatch(/-\s+season: winter\n\+\s+season: spring/);
    expect(await kubectl.run('apply', '-f', other, '--dry-run=server')).toContain('configured (server dry run)');
    expect((await kubectl.try('diff', '-f', other)).code).toBe(1);
    await kubectl.run('get', 'cm', 'patched', '-o', 'yaml').then((text) => kubectl.file('cm.yaml', text));
    expect(await kubectl.run('replace', '-f', `${kubectl.directory}/cm.yaml`)).toContain('replaced');
  });

  it('applies on the server, and tells who else manages a field', async () => {
    const other = await kubectl.file('other.yaml', FLEET.replace('winter', 'autumn'));
    const refused = await kubectl.try('apply', '--server-side', '--field-manager=other', '-f', other);
    expect(refused.errors).toMatch(/\.metadata\.labels\.season: conflict with "kubectl-client-side-apply"/);
    expect(
      await kubectl.run('apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', other),
    ).toContain('serverside-applied');
  });

  it('waits for what is there, and for what goes', async () => {
    await kubectl.run('wait', '--for=jsonpath={.status.state}=Ready', 'gs', '--all', '--timeout=10s');
    const [name = ''] = (await kubectl.run('get', 'gs', '-o', 'jsonpath={.items[*].metadata.name}')).split(' ');
    const gone = kubectl.run('wait', '--for=delete', `gs/${name}`, '--timeout=20s');
    expect(await kubectl.run('delete', 'gs', name)).toContain('deleted');
    await gone;
  });

  it('explains kinds and lists them', async () => {
    expect(await kubectl.run('explain', 'fleet.spec.replicas')).toContain('FIELD: replicas <integer>');
    expect(await kubectl.run('explain', 'gs.spec', '--recursive')).toContain('portPolicy');
    expect(await kubectl.run('explain', 'cm.data')).toContain('map[string]string');
    expect(await kubectl.run('api-resources', '--api-group=agones.dev')).toMatch(/gameservers\s+gs\s+agones\.dev\/v1/);
    expect(await kubectl.run('api-versions')).toContain('allocation.agones.dev/v1\n');
  });

  it('may do everything', async () => {
    expect(await kubectl.run('auth', 'can-i', 'delete', 'fleets')).toBe('yes\n');
    expect(await kubectl.run('auth', 'can-i', '--list')).toContain('*.*');
    expect(await kubectl.run('auth', 'whoami')).toContain('Username');
  });

  it.each<[string[], string]>([
    [['get', 'fleet', 'none'], 'fleets.agones.dev "none" not found'],
    [['scale', 'fleet', 'boats', '--replicas=1', '--current-replicas=9'], 'Expected replicas to be 9, was 2'],
    [['patch', 'fleet', 'boats', '--type=merge', '-p', '{"spec":{"replicas":"x"}}'], '* spec.replicas: Invalid value'],
    [
      ['label', 'fleet', 'boats', 'bad key=x'],
      'The Fleet "boats" is invalid: metadata.labels: Invalid value: "bad key"',
    ],
    [['create', 'configmap', 'patched'], 'configmaps "patched" already exists'],
    [['get', 'gameserverallocations'], 'the server does not allow this method on the requested resource'],
    [['wait', '--for=jsonpath={.status.readyReplicas}=9', 'fleet/boats', '--timeout=1s'], 'timed out waiting'],
  ])('is told in a sentence what is wrong with %j', async (parameters, words) => {
    const { code, errors } = await kubectl.try(...parameters);
    expect(code).not.toBe(0);
    expect(errors).toContain(words);
  });
});
