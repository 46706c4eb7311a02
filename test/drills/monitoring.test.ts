/**
 * Two watchers at two sites and a host: made as predicted, verified; every rule tried by the watchers' own promtool; real faults that
 * arrive as mail and are told to be over; the second way while mail is down; the death of a watcher. About fifteen minutes.
 */
import { execFileSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labPower } from '../../src/lab/power.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { siteCa } from '../support/site-ca.ts';
import { smtpSink, type SmtpSink } from '../support/smtp-sink.ts';
import type { Result } from '../unit/run/support.ts';

const HOSTS = ['w1', 'w2', 'h1'] as const;
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', name);
const MONITORING = [book('monitoring.yml')];
/** Seconds of the watchers' clock until an alert that must hold for five minutes has been delivered. */
const PATIENCE = 9 * 60_000;

let lab: Lab;
let project: LabProject;
let gateway = '';
let mail: SmtpSink;
let hook: Server;
/** Bodies that came to the webhook, and watchers that said they live with the time of the last word. */
const hooked: string[] = [];
const alive = new Map<string, number>();

const addressOf = (host: string): string => String(hostVariables(lab, host)['ansible_host']);
const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
const troubles = (result: Result): string => HOSTS.map((name) => troubleOf(result, name)).join('');

beforeAll(async () => {
  lab = await labUp({ ...ownLab('monitoring'), hosts: HOSTS.map((name) => ({ name, site: name === 'w2' ? 'delhi' : 'kochi', release: 'trixie' as const })) });
  gateway = (await onHost(lab, 'h1', 'ip -4 route show default')).split(' ')[2] ?? '';
  const ca = siteCa([`IP:${gateway}`]);
  mail = await smtpSink({ address: gateway, tls: ca, starttls: true });
  hook = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => { body += text; }).on('end', () => {
      if (request.url === '/alive') for (const [, who] of body.matchAll(/"watchdog":"(\w+)"/g)) alive.set(who ?? '', Date.now());
      else hooked.push(body);
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, gateway, resolve));
  const at = hook.address();
  const web = `http://${gateway}:${String(typeof at === 'object' && at !== null ? at.port : 0)}`;
  project = labProject({});
  const vars = {
    time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    monitoring_mail: { server: `${gateway}:${String(mail.port)}`, from: 'watch@care.test', to: ['ops@care.test'], ca_file: '/etc/sink-ca.pem' },
    monitoring_webhooks: [{ url: `{{ secret "${web}/hook" }}` }], monitoring_deadman_url: `{{ secret "${web}/alive" }}`, monitoring_expect_runs: false,
    monitoring_probes: [{ name: 'ssh-of-h1', module: 'tcp', target: `${addressOf('h1')}:22` }],
  };
  const hosts = Object.fromEntries(HOSTS.map((name) => [name, { ...hostVariables(lab, name), site: name === 'w2' ? 'delhi' : 'kochi', etcd_address: addressOf(name) }]));
  project.write('inventory.yml', JSON.stringify({ all: { vars, hosts, children: { etcd: { hosts: { h1: null } }, monitoring: { hosts: { w1: null, w2: null } } } } }));
  for (const host of HOSTS) await onHost(lab, host, `echo ${Buffer.from(ca.ca).toString('base64')} | base64 -d >/etc/sink-ca.pem`);
  const below = await run(['base.yml', 'pki.yml', 'etcd.yml'].map(book));
  expect([troubles(below), below.status]).toEqual(['', 0]);
});
afterAll(async () => {
  project.remove();
  hook.close();
  await mail.close();
  await labDown(ownLab('monitoring'));
});

/** Subjects of mails, such as `CRITICAL: TargetDown at kochi, h1`. */
const subjects = (): readonly string[] => mail.mails.map((m) => /^Subject: (.*)$/m.exec(m.data)?.[1]?.trim() ?? '');
const arrived = (pattern: RegExp): boolean => subjects().some((s) => pattern.test(s));
async function allArrive(patterns: readonly RegExp[], milliseconds: number): Promise<void> {
  await eventually(() => patterns.every(arrived), milliseconds, () => `${patterns.filter((p) => !arrived(p)).map(String).join(', ')} among ${subjects().join(' | ')}`);
}
const firing = (on: string): Promise<string> => onHost(lab, on, `curl -s http://127.0.0.1:9090/prometheus/api/v1/alerts | jq -r '.data.alerts[] | select(.state == "firing") | "\\(.labels.alertname) \\(.labels.instance // "")"' | sort -u`);

it('is made as predicted; a second apply changes nothing; verify passes', async () => {
  const predicted = await run(MONITORING, { mode: 'check' });
  expect([troubles(predicted), predicted.summary?.total.unknown]).toEqual(['', 0]);
  const made = await run(MONITORING);
  expect([troubles(made), made.status]).toEqual(['', 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(MONITORING);
  expect([again.status, changes(again)]).toEqual([0, []]);
  const verified = await run(MONITORING, { mode: 'verify' });
  expect([troubles(verified), verified.status]).toEqual(['', 0]);
  expect(await firing('w1')).toBe('Watchdog');
  // Names and addresses in the certificate are what the inventory says, and the key is the front's alone.
  expect(await onHost(lab, 'h1', 'stat -c "%a %U:%G" /etc/care-monitoring/pki/metrics.key')).toBe('640 root:haproxy');
  expect(await onHost(lab, 'w1', 'stat -c "%a %U:%G" /etc/prometheus/alertmanager.yml')).toBe('640 root:prometheus');
});

it("every rule fires and stays silent as its cases say, in Debian's own promtool", async () => {
  const files = execFileSync('tar', ['-C', repository, '-czf', '-', 'roles/monitoring/files/rules', 'test/unit/roles/rules']).toString('base64');
  const said = await onHost(lab, 'w1', `mkdir -p /root/rules && cd /root/rules && echo ${files} | base64 -d | tar xz && promtool check rules roles/monitoring/files/rules/*.yml && promtool test rules test/unit/roles/rules/*.yml 2>&1`);
  expect(said).not.toContain('FAILED');
});

it('an overview for people is served, with the hosts in it', async () => {
  const page = await onHost(lab, 'w1', 'curl -s -f http://127.0.0.1:9090/prometheus/consoles/care.html');
  for (const host of HOSTS) expect(page).toContain(`<td>${host}</td>`);
  expect(page).toContain('<p>Nothing.</p>');
});

it('bad routes are refused before anything is touched', async () => {
  expect(troubles(await run(MONITORING, { mode: 'check', extraVars: { monitoring_webhooks: [] } }))).toContain('a watcher has monitoring_mail and, for when mail is down');
  await expect(run(MONITORING, { extraVars: { monitoring_mail: { server: 'no-port', from: 'a@b', to: ['a@b'] } } })).rejects.toThrow(/must match/);
});

it('real faults arrive as mail, with what to do, and are told to be over', async () => {
  const begun = Date.now();
  const care = 'inventory="inventory/production",playbook="site.yml",mode="apply"';
  await onHost(lab, 'h1', `systemctl stop care-etcd
mkdir -p /srv/small && mount -t tmpfs -o size=10m small /srv/small && head -c 10000000 /dev/zero >/srv/small/file
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=old -keyout /root/old.key -out /etc/old.crt -not_before "$(date -u -d '-86 days' +%Y%m%d%H%M%SZ)" -not_after "$(date -u -d '+4 days' +%Y%m%d%H%M%SZ)" 2>/dev/null
echo /etc/old.crt >/etc/care-provision/pki/certificates.d/old
echo /root/nowhere.crt >/etc/care-provision/pki/certificates.d/gone
printf 'care_provision_run_exit_status{${care}} 3\\ncare_provision_run_start_timestamp_seconds{${care}} %s\\n' "$(( $(date +%s) - 30 * 3600 ))" >/var/lib/prometheus/node-exporter/care.prom
systemd-run -q --unit=broken false; nft insert rule inet care input tcp dport 22 ip saddr ${addressOf('w1')} drop; nft insert rule inet care input tcp dport 22 ip saddr ${addressOf('w2')} drop`);
  const expected = [
    /^CRITICAL: TargetDown at kochi, h1/, /^CRITICAL: CareUnitDown at kochi, h1/, /^CRITICAL: EtcdQuorumLost/, /^CRITICAL: FilesystemAlmostFull at kochi, h1/, /^CRITICAL: CertificateEndsSoon at kochi, h1/,
    /^CRITICAL: CertificateUnreadable at kochi, h1/, /^CRITICAL: CareProvisionRunFailed at kochi, h1/, /^CRITICAL: CareProvisionRunMissed at kochi, h1/, /^WARNING: UnitFailed at kochi, h1/, /^CRITICAL: ProbeFailed.*, ssh-of-h1/,
  ];
  await allArrive(expected, PATIENCE);
  console.log(`all ${String(expected.length)} arrived after ${String(Math.round((Date.now() - begun) / 1000))} s`);
  const full = mail.mails.find((m) => m.data.includes('FilesystemAlmostFull'));
  expect(full?.tls).toBe(true);
  expect(full?.data).toContain('docs/runbooks/host.md#filesystemalmostfull');
  expect(full?.data).toContain('/srv/small of h1 has');
  // What is critical went the second way as well.
  expect(hooked.some((body) => body.includes('"alertname":"TargetDown"'))).toBe(true);
  // Two watchers, one message: the cluster sends each once.
  expect(subjects().filter((s) => /^CRITICAL: EtcdQuorumLost/.test(s))).toHaveLength(1);
  await onHost(lab, 'h1', 'systemctl start care-etcd; umount /srv/small; rm /etc/care-provision/pki/certificates.d/old /etc/care-provision/pki/certificates.d/gone /var/lib/prometheus/node-exporter/care.prom; systemctl reset-failed broken; systemctl reload care-firewall');
  await allArrive(expected.map((p) => new RegExp(p.source.replace(/^\^\w+/, '^OVER'))), PATIENCE);
  expect(await firing('w1')).toBe('Watchdog');
});

it('while mail is down, what is critical and the fault of mail itself arrive by the second way', async () => {
  await mail.close();
  const before = hooked.length;
  await onHost(lab, 'h1', 'systemctl stop prometheus-node-exporter');
  const since = (name: string): boolean => hooked.slice(before).some((body) => body.includes(`"alertname":"${name}"`) && body.includes('"status":"firing"'));
  await eventually(() => since('HostDown') && since('NotificationsFail'), PATIENCE, () => hooked.slice(before).join('\n').slice(0, 2000));
  await onHost(lab, 'h1', 'systemctl start prometheus-node-exporter');
});

it('a watcher that dies is told of by the other within five minutes, and its calls to the outside stop', async () => {
  expect([...alive.keys()].sort()).toEqual(['w1', 'w2']);
  const before = hooked.length;
  const w2 = await labPower('w2', addressOf('w2'));
  const begun = Date.now();
  await w2.cut();
  await eventually(() => hooked.slice(before).some((body) => body.includes('"alertname":"PrometheusPeerSilent"') && body.includes('"instance":"w2"')), 300_000, () => hooked.slice(before).join('\n').slice(0, 2000));
  console.log(`the death of a watcher was told after ${String(Math.round((Date.now() - begun) / 1000))} s`);
  // The other Alertmanager holds the dead watcher's Watchdog for four minutes more (Prometheus gives alerts four times its resend delay to live).
  await eventually(() => Date.now() - (alive.get('w2') ?? 0) > 150_000, PATIENCE, () => 'calls in the name of w2 go on');
  expect(Date.now() - (alive.get('w1') ?? 0)).toBeLessThan(150_000);
  await w2.on();
  await eventually(() => hooked.slice(before).some((body) => body.includes('"alertname":"PrometheusPeerSilent"') && body.includes('"status":"resolved"')), PATIENCE, () => 'w2 is not back');
});
