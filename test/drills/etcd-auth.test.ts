/** Authentication of etcd on three fresh members: predicted, made, verified, drifted and mended; members leave and join with it on. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const MEMBERS = ['u1', 'u2', 'u3'] as const;
const PASSWORD = 'patroni-of-the-drill';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', name);
const ETCD = [book('etcd.yml')];
const AUTH = 'etcd authentication';

let lab: Lab;
let project: LabProject;

function writeInventory(members: readonly string[], auth = true): void {
  const hosts = Object.fromEntries(MEMBERS.map((name) => [name, { ...hostVariables(lab, name), etcd_address: String(hostVariables(lab, name)['ansible_host']) }]));
  const vars = {
    time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }], etcd_step_timeout: 60,
    etcd_auth: auth, etcd_users: [{ name: 'patroni', password: `{{ secret "${PASSWORD}" }}`, grants: [{ prefix: '/service/' }] }],
  };
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: Object.fromEntries(members.map((m) => [m, null])) } } } }));
}

beforeAll(async () => {
  lab = await labUp({ ...ownLab('etcd-auth'), hosts: MEMBERS.map((name) => ({ name, site: 'kochi', release: 'trixie' as const })) });
  project = labProject({});
  writeInventory(MEMBERS);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('etcd-auth'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.task}|${e.resource}`] : [])))].sort();
const ofUsers = (list: readonly string[]): readonly string[] => list.filter((c) => c.includes('|users, and whether')).map((c) => c.split('|')[2] ?? '');

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(playbooks: readonly string[]): Promise<readonly string[]> {
  const predicted = await run(playbooks, { mode: 'check' });
  expect([predicted.summary?.total.unknown, predicted.summary?.total.failed]).toEqual([0, 0]);
  const made = await run(playbooks);
  expect([...MEMBERS.map((name) => troubleOf(made, name)), made.status]).toEqual(['', '', '', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(playbooks);
  expect([again.status, changes(again)]).toEqual([0, []]);
  return changes(made);
}

/** HTTP status of reading a key through u1's gateway, as the user with that password, or as nobody. */
function gateway(key: string, password?: string): Promise<string> {
  const address = String(hostVariables(lab, 'u1')['ansible_host']);
  const curl = `curl -s -m 5 --cacert /etc/etcd/pki/ca.crt --cert /etc/etcd/pki/server.crt --key /etc/etcd/pki/server.key`;
  const login = password === undefined ? 'token=' : `token=$(${curl} -d '{"name":"patroni","password":"${password}"}' https://${address}:2379/v3/auth/authenticate | sed -n 's/.*"token" *: *"\\([^"]*\\)".*/\\1/p'); [ -n "$token" ] || { echo no token; exit 0; }`;
  return onHost(lab, 'u1', `${login}\n${curl} -o /dev/null -w '%{http_code}' \${token:+-H "Authorization: $token"} -d "{\\"key\\":\\"$(printf %s '${key}' | base64)\\"}" https://${address}:2379/v3/kv/range`);
}
const memberNames = async (): Promise<readonly string[]> => (await onHost(lab, 'u1', 'care-etcdctl member list')).split('\n').map((line) => line.split(', ')[2] ?? '').sort();

it('is switched on with the cluster, as predicted', async () => {
  const made = await converge(['base.yml', 'pki.yml', 'etcd.yml'].map(book));
  expect(ofUsers(made)).toEqual([AUTH, 'etcd role patroni', 'etcd user patroni', 'etcd user root']);
  expect(await onHost(lab, 'u2', 'care-etcdctl auth status | head -n 1')).toBe('Authentication Status: true');
});

it('lets a user reach its prefix and nothing else, and nobody without the right password', async () => {
  expect(await gateway('/service/care/leader', PASSWORD)).toBe('200');
  expect(await gateway('/other', PASSWORD)).toBe('403');
  expect(await gateway('/service/care/leader', 'wrong-password-1')).toBe('no token');
  expect(await gateway('/service/care/leader')).toBe('400');
});

it('is verified with snapshots and all; the check finds a right too many', async () => {
  await onHost(lab, 'u1', 'systemctl start care-etcd-snapshot.service; care-etcd-defrag --now');
  const verified = await run(ETCD, { mode: 'verify' });
  expect([...MEMBERS.map((name) => troubleOf(verified, name)), verified.status]).toEqual(['', '', '', 0]);
  await onHost(lab, 'u1', 'care-etcdctl role grant-permission patroni read "" --from-key');
  const wrong = await run(ETCD, { mode: 'verify' });
  expect([wrong.status, troubleOf(wrong, 'u1')]).toEqual([3, expect.stringContaining('user patroni reads')]);
});

it('finds and mends what was made by hand', async () => {
  await onHost(lab, 'u2', `echo hand-made-password | care-etcdctl user add mallory --interactive=false; care-etcdctl user grant-role mallory root; echo another-password | care-etcdctl user passwd patroni --interactive=false`);
  expect(ofUsers(await converge(ETCD))).toEqual(['etcd role patroni', 'etcd user mallory', 'etcd user patroni']);
  expect(await gateway('/service/care/leader', PASSWORD)).toBe('200');
  expect(await gateway('/other', PASSWORD)).toBe('403');
  expect(await onHost(lab, 'u1', 'care-etcdctl user list')).toBe('patroni\nroot');
});

it('members leave, join and restart with it on; tokens are made anew after a restart', async () => {
  writeInventory(['u1', 'u2']);
  await converge(ETCD);
  expect(await memberNames()).toEqual(['u1', 'u2']);
  writeInventory(MEMBERS);
  await converge(ETCD);
  expect(await memberNames()).toEqual(['u1', 'u2', 'u3']);
  await onHost(lab, 'u1', 'systemctl restart care-etcd');
  expect(await gateway('/service/care/leader', PASSWORD)).toBe('200');
});

it('is switched off and on again', async () => {
  writeInventory(MEMBERS, false);
  expect(ofUsers(await converge(ETCD))).toEqual([AUTH]);
  expect(await gateway('/other')).toBe('200');
  writeInventory(MEMBERS);
  expect(ofUsers(await converge(ETCD))).toEqual([AUTH]);
  expect(await gateway('/other')).toBe('400');
});
