/** The nightly run installed on control hosts of both Debians: units that systemd takes, a night within their sandbox, and nothing left afterwards. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import type { SmtpSink } from '../support/smtp-sink.ts';
import { controlHost, labSink, reachedFrom, removeControlHost, subjectOf, type ControlHost } from './support/control-host.ts';
import { onHost } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
const UNIT = 'care-provision-converge-night';
const ROLE = '- {name: greeting, copy: {dest: /etc/converge-{{ role_name }}, content: "hello\\n"}}\n';

let lab: Lab;
let sink: SmtpSink;
let url: string;
const controls = new Map<string, ControlHost>();

beforeAll(async () => {
  lab = await sharedLab();
  ({ sink, url } = await labSink(lab, 'test-trixie'));
  for (const name of HOSTS) {
    const control = await controlHost(lab, name);
    controls.set(name, control);
    const vars = {
      notify: { mail: { url, from: 'care@lab.example', to: ['ops@lab.example'], starttls: 'never' }, tries: 1 },
      converge: { mode: 'mend', time_zone: 'Asia/Kolkata', schedule: { at: '02:00', jitter: 0, timeout: 300 }, unattended: { roles: { held: 'report' }, tags: { restrat: 'report' } } },
    };
    await control.put('inventory/night.yml', JSON.stringify({ all: { vars, hosts: Object.fromEntries(HOSTS.map((host) => [host, reachedFrom(lab, host)])) } }));
    await control.put('playbooks/site.yml', '- hosts: all\n  roles: [free, held]\n');
    for (const role of ['free', 'held']) {
      await control.put(`roles/${role}/role.yml`, `summary: The role ${role}.\n`);
      await control.put(`roles/${role}/tasks/main.yml`, ROLE.replace('{{ role_name }}', role));
    }
    await control.sh('mkdir -p /var/lib/care-metrics');
  }
});
afterAll(async () => {
  for (const name of HOSTS) {
    await controls.get(name)?.care('converge', 'uninstall', 'inventory/night.yml');
    await onHost(lab, name, 'rm -f /etc/converge-*; userdel --remove nightly 2>/dev/null || true');
    await removeControlHost(lab, name);
  }
  await sink.close();
});

/** Who runs it, and where that user's state is. */
const RUNS = [
  { name: 'test-trixie', user: 'root', home: '/root' },
  { name: 'test-bookworm', user: 'nightly', home: '/var/lib/nightly' },
] as const;

test.each(RUNS)('on $name by $user: install, a night as systemd runs it, status, uninstall', async ({ name, user, home }) => {
  const control = controls.get(name);
  if (control === undefined) throw new Error(`${name} is no control host`);
  await control.sh(`id ${user} >/dev/null 2>&1 || useradd --system --create-home --home-dir ${home} --shell /bin/sh ${user}; chown -R ${user}: secret /var/lib/care-metrics`);
  const before = await control.sh('ls /etc/systemd/system /etc/systemd/system/timers.target.wants /var/lib/systemd/timers 2>/dev/null | sort');
  const install = ['converge', 'install', 'inventory/night.yml', '--metrics', '/var/lib/care-metrics', '--reports', '/srv/reports', '--user', user] as const;
  const installed = await control.care(...install);
  expect([installed.status, installed.stderr]).toEqual([0, '']);
  expect(installed.stdout).toContain('policy: mend 1 of 2 tasks, only report on 1; NO task of these playbooks has the tag restrat\n');
  // No word of complaint, not even a warning.
  expect(await control.sh(`systemd-analyze verify --man=no /etc/systemd/system/${UNIT}* 2>&1`)).toBe('');
  expect(await control.sh(`systemctl show -p NextElapseUSecRealtime ${UNIT}.timer`)).toMatch(/20:30:0\d UTC/);
  expect(Number(/(\d+\.\d+) \S+ /.exec((await control.sh(`systemd-analyze security --no-pager ${UNIT}.service | tail -1`)).replace(/^.*: /, ''))?.[1])).toBeLessThan(4);

  const mails = sink.mails.length;
  await control.sh(`systemctl start ${UNIT}.service || { journalctl --no-pager -u ${UNIT}.service >&2; exit 1; }`);
  for (const host of HOSTS) expect(await onHost(lab, host, 'cat /etc/converge-free; ls /etc/converge-held 2>/dev/null || true')).toBe('hello');
  expect(sink.mails).toHaveLength(mails + 1);
  expect(subjectOf(sink.mails.at(-1))).toMatch(/night\.yml: mended: 2 of 2 hosts changed, 1 change left as it is$/);
  expect(await control.sh('cat /var/lib/care-metrics/care-converge-night.prom')).toMatch(/care_converge_left_changes\{name="night"\} 1\n/);
  expect(await control.sh('ls /srv/reports')).toMatch(/^night-\d{8}-\d{6}-[0-9a-f]+\.html$/);

  const status = await control.care('converge', 'status', 'inventory/night.yml');
  expect([status.status, status.stderr]).toEqual([2, '']);
  expect(status.stdout).toMatch(/last run +\S+ \S+ Asia\/Kolkata, .* ago: mended: 2 of 2 hosts changed[^]*left as it is +file \/etc\/converge-held: create[^]*next run[^]*timer +active, watched; service inactive\n/);
  expect(await control.sh(`find ${home}/.local /srv/reports /var/lib/care-metrics ! -user ${user}`)).toBe('');
  expect((await control.care(...install)).status).toBe(0);

  const removed = await control.care('converge', 'uninstall', 'inventory/night.yml');
  expect([removed.status, removed.stderr]).toEqual([0, '']);
  expect(await control.sh('ls /etc/systemd/system /etc/systemd/system/timers.target.wants /var/lib/systemd/timers 2>/dev/null | sort')).toBe(before);
  expect(await control.sh(`systemctl list-units --all --no-legend '${UNIT}*'; ls -A /var/lib/care-metrics; ls -A ${home}/.local/state/care-provision/converge`)).toBe('');
  for (const host of HOSTS) await onHost(lab, host, 'rm -f /etc/converge-*');
});

test('what would keep a night from beginning is refused by day, and nothing is written', async () => {
  const control = controls.get('test-trixie');
  if (control === undefined) throw new Error('there is no control host');
  const refused = async (...words: readonly string[]): Promise<string> => {
    const { status, stderr } = await control.care('converge', 'install', ...words);
    expect([64, 65]).toContain(status);
    return stderr;
  };
  await control.put('inventory/quiet.yml', JSON.stringify({ all: { hosts: { a: {} } } }));
  expect(await refused('inventory/quiet.yml')).toContain('does not say whom to tell');
  await control.put('inventory/local.yml', JSON.stringify({ all: { vars: { notify: { webhook: { url: 'http://127.0.0.1:9/' } } }, hosts: { a: { ansible_connection: 'local' } } } }));
  expect(await refused('inventory/local.yml')).toContain('--no-sandbox');
  expect(await refused('inventory/night.yml', '--user', 'nobody-there')).toContain('there is no such user');
  expect(await refused('inventory/night.yml', '-e', 'password=x')).toContain('everybody may read units');
  expect(await control.sh(`ls /etc/systemd/system | grep -c care-provision-converge || true`)).toBe('0');
});
