/** Nights as they might be, as events: data for the tests of reports. */
import type { Counts, RunEvent, RunMode, TaskStatus } from '../../../../src/run/events.ts';
import type { ExitStatus } from '../../../../src/support/diagnostic.ts';

export const NONE: Counts = { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
export const NOW = Date.parse('2026-11-26T02:04:00Z');

export function start(mode: RunMode, hosts: readonly string[]): RunEvent {
  return { type: 'start', run: '20261126-020000-a1b2c3', time: '2026-11-26T02:00:00.000Z', mode, inventory: 'inventory/production', playbook: 'playbooks/site.yml', hosts, version: '0.1.0', controller: 'control1', user: 'care', origin: 'systemd timer', arguments: [mode, 'inventory/production'], revisions: [{ of: 'inventory', path: '/srv/care/inventory', commit: '3f2a91c04b1d7e0c', branch: 'main', dirty: false }] };
}

export function summary(status: ExitStatus, hosts: Readonly<Record<string, Partial<Counts>>>, seconds = 93.4): RunEvent {
  const full = Object.fromEntries(Object.entries(hosts).map(([name, counts]) => [name, { ...NONE, ...counts }]));
  const total = Object.values(full).reduce((sum, counts) => Object.fromEntries(Object.keys(NONE).map((key) => [key, sum[key as keyof Counts] + counts[key as keyof Counts]])) as unknown as Counts, NONE);
  return {
    type: 'summary', run: '20261126-020000-a1b2c3', time: '2026-11-26T02:01:33.400Z', status, seconds, total, hosts: full, roles: { base: { ...NONE, ok: 120, changed: 5 }, postgres: { ...NONE, ok: 60, failed: 1 } },
    slowest: [{ host: 'db2', role: 'postgres', task: 'the member is in the cluster', seconds: 41.2 }, { host: 'db1', role: 'postgres_backup', task: 'the first backup of each repository', seconds: 22.8 }, { host: 'web3', role: 'base', task: 'packages', seconds: 9.1 }],
  };
}

export function task(host: string, role: string, name: string, status: TaskStatus, seconds: number, more: { readonly error?: string; readonly msg?: string; readonly module?: string } = {}): RunEvent {
  const { module = 'template', ...text } = more;
  return { type: 'task', host, play: 'Base', role, task: name, module, status, seconds, at: `roles/${role}/tasks/main.yml:14:3`, handler: false, ...text };
}

export function change(host: string, role: string, name: string, resource: string, what: string, diff?: string, unknown?: boolean): RunEvent {
  return { type: 'change', host, role, task: name, resource, what, handler: false, ...(diff === undefined ? {} : { diff }), ...(unknown === undefined ? {} : { unknown }) };
}

const SSHD = `--- before: /etc/ssh/sshd_config.d/10-care.conf
+++ after: /etc/ssh/sshd_config.d/10-care.conf
@@ -3,5 +3,5 @@
 # Managed by care-provision
-PermitRootLogin yes
-PasswordAuthentication yes
+PermitRootLogin no
+PasswordAuthentication no
 KbdInteractiveAuthentication no
+AllowGroups care-admins`;

/** The seconds of the run at which the event of the same place came. */
export interface Night {
  readonly events: readonly (readonly [number, RunEvent])[];
}

/** Twelve hosts in three sites: drift, a failure, a doubt, a host that is away, certificates, backups, versions. */
export function night(mode: RunMode = 'check'): Night {
  const web = ['web1', 'web2', 'web3', 'web4', 'web5', 'web6'].map((name) => `${name}.kochi.example.org`);
  const db = ['db1', 'db2', 'db3'].map((name) => `${name}.kochi.example.org`);
  const others = ['backup1.thrissur.example.org', 'mail1.kochi.example.org', 'proxy1.kochi.example.org'];
  const all = [...web, ...db, ...others];
  const [web1 = '', web2 = '', , , , web6 = ''] = web;
  const [db1 = '', db2 = '', db3 = ''] = db;
  const [backup1 = '', mail1 = ''] = others;
  const events: (readonly [number, RunEvent])[] = [[0, start(mode, all)]];
  all.forEach((host, i) => events.push([0.2 + i * 0.05, { type: 'task-start', host, role: 'base', task: 'packages', module: 'package' }]));
  for (const host of all) if (host !== mail1) events.push([1.5, { type: 'observation', host, subject: 'version', name: 'debian', version: host === web6 ? '12' : '13.1' }]);
  for (const host of [web1, web2, web6]) {
    events.push([4.2, change(host, 'base', 'sshd is hardened', 'file /etc/ssh/sshd_config.d/10-care.conf', 'content', SSHD)], [4.3, task(host, 'base', 'sshd is hardened', 'changed', 0.4)]);
    events.push([4.4, change(host, 'base', 'sshd is hardened', 'unit ssh.service', 'reload')]);
  }
  events.push([6.1, change(db1, 'postgres', 'the configuration of the cluster', 'patroni configuration care', 'max_connections 200 → 300')], [6.2, task(db1, 'postgres', 'the configuration of the cluster', 'changed', 1.9)]);
  for (const host of all) if (host !== mail1) events.push([30 + all.indexOf(host), task(host, 'base', 'packages', 'ok', 9.1 + all.indexOf(host), { module: 'package' })]);
  events.push([47, task(db2, 'postgres', 'the member is in the cluster', 'failed', 41.2, { module: 'patroni_member', error: 'db2 does not answer on https://10.0.1.12:8008 after 40 s\npatroni[812]: CRITICAL: system ID mismatch, node db2 belongs to a different cluster\nTo do: look at journalctl -u patroni on the host; replace: true sets its data aside' })]);
  events.push([12, task(mail1, '', 'connect', 'unreachable', 10, { module: 'connect', error: 'mail1.kochi.example.org: connection refused by 10.0.1.25 port 22\nTo do: is the host up? is sshd running?' })]);
  events.push([50, change(db3, 'postgres', 'the member is in the cluster', 'unit patroni.service', 'restart', undefined, true)], [50, task(db3, 'postgres', 'the member is in the cluster', 'unknown', 0.3, { module: 'patroni_member', msg: 'unknown until patroni configuration care is changed on db1' })]);
  events.push([60, task(web1, 'base', 'the old agent is gone', 'ignored', 0.2, { module: 'command', error: 'exit status 1\nUnit legacy-agent.service not loaded.' })]);
  for (const host of db) events.push([61, { type: 'observation', host, subject: 'version', name: 'postgresql', version: '17.6' }], [61, { type: 'observation', host, subject: 'certificate', name: '/etc/postgresql/pki/server.crt', time: '2027-02-01T00:00:00.000Z' }]);
  for (const host of web) events.push([62, { type: 'observation', host, subject: 'certificate', name: '/etc/care-provision/pki/host.crt', time: host === web6 ? '2026-11-29T03:00:00.000Z' : '2027-01-20T00:00:00.000Z' }]);
  events.push([63, { type: 'observation', host: db1, subject: 'certificate', name: '/etc/etcd/pki/peer.crt', state: 'unreadable' }]);
  events.push([64, { type: 'observation', host: db1, subject: 'version', name: 'etcd', version: '3.4.23' }], [64, { type: 'observation', host: db1, subject: 'version', name: 'containerd', version: '9.9' }]);
  events.push([70, { type: 'observation', host: backup1, subject: 'backup', name: 'care, repo1, full', time: '2026-11-22T01:20:00.000Z' }], [70, { type: 'observation', host: backup1, subject: 'backup', name: 'care, repo1, incr', time: '2026-11-24T19:20:00.000Z' }], [70, { type: 'observation', host: backup1, subject: 'backup', name: 'care, repo2, full', state: 'absent' }]);
  events.push([71, { type: 'warning', host: web2, message: 'the clock was 4 s behind' }], [71, { type: 'warning', message: 'play Mail: there is no group mx in the inventory' }]);
  const counts = (host: string): Partial<Counts> => {
    if (host === db2) return { ok: 48, failed: 1 };
    if (host === mail1) return { unreachable: 1 };
    if (host === db3) return { ok: 60, unknown: 1, skipped: 4 };
    return { ok: 64, skipped: 5, changed: [web1, web2, web6, db1].includes(host) ? 1 : 0, ignored: host === web1 ? 1 : 0 };
  };
  events.push([93, summary(3, Object.fromEntries(all.map((host) => [host, counts(host)])))]);
  return { events };
}

/** A run of many hosts, each with so many changes: half of them everywhere the same, half of them each host's own. */
export function crowd(hosts: number, changes: number): Night {
  const names = Array.from({ length: hosts }, (_, i) => `node${String(i + 1).padStart(4, '0')}.cluster.example.org`);
  const events: (readonly [number, RunEvent])[] = [[0, start('check', names)]];
  for (const [h, host] of names.entries()) {
    for (let c = 0; c < changes; c += 1) {
      const own = c % 2 === 1;
      const diff = `--- before\n+++ after\n@@ -1,1 +1,1 @@\n-value ${String(c)}\n+value ${own ? host : 'new'}\n${' context\n'.repeat(20)}`;
      events.push([c / 10, change(host, 'base', `task ${String(c)}`, own ? `file /etc/own/${host}/${String(c)}` : `file /etc/care/${String(c)}.conf`, 'content', diff)]);
      events.push([c / 10, task(host, 'base', `task ${String(c)}`, h % 50 === 7 && c === changes - 1 ? 'failed' : 'changed', 0.7, h % 50 === 7 ? { error: `${host}: no space left on device` } : {})]);
    }
    events.push([changes / 10, { type: 'observation', host, subject: 'certificate', name: '/etc/care-provision/pki/host.crt', time: new Date(NOW + (h % 90) * 86_400_000).toISOString() }]);
  }
  events.push([changes / 10 + 1, summary(3, Object.fromEntries(names.map((name, h) => [name, { ok: 3, changed: changes - 1, failed: h % 50 === 7 ? 1 : 0 }])))]);
  return { events };
}
