/**
 * Nights of a control host: three in a row with drift between them, of which mail, page, metrics and history tell the same to the last
 * change; then one that is killed, one that hangs, one that does not come. About two minutes.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import { controlHost, labSink, reachedFrom, removeControlHost, subjectOf, textOf, type ControlHost } from '../integration/support/control-host.ts';
import { eventually, onHost } from '../integration/support/lab-project.ts';
import { sharedLab } from '../integration/support/lab.ts';
import type { SmtpSink } from '../support/smtp-sink.ts';

const HOSTS = ['test-trixie', 'test-bookworm'] as const;
const CONTROL = 'test-trixie';
const UNIT = 'care-provision-converge-nights';
const INSTALL = ['converge', 'install', 'inventory/nights.yml', '--metrics', '/var/lib/care-metrics', '--reports', '/srv/reports'] as const;

let lab: Lab;
let sink: SmtpSink;
let url: string;
let control: ControlHost;

interface Shown {
  readonly id: string;
  readonly mode: string;
  readonly status: number | null;
  readonly total: { readonly changed: number };
  readonly changes: readonly { readonly host: string; readonly resource: string; readonly what: string; readonly role: string }[];
}

async function inventory(schedule: object): Promise<void> {
  const vars = {
    slow: 0,
    notify: { mail: { url, from: 'care@lab.example', to: ['ops@lab.example'], starttls: 'never' }, tries: 1 },
    converge: { mode: 'mend', schedule: { at: '02:00', jitter: 0, timeout: 300, ...schedule }, unattended: { roles: { held: 'report' } }, max_changes: 20 },
  };
  await control.put('inventory/nights.yml', JSON.stringify({ all: { vars, hosts: Object.fromEntries(HOSTS.map((host) => [host, reachedFrom(lab, host)])) } }));
}

beforeAll(async () => {
  lab = await sharedLab();
  ({ sink, url } = await labSink(lab, CONTROL));
  control = await controlHost(lab, CONTROL);
  await inventory({});
  await control.put('playbooks/site.yml', '- hosts: all\n  roles: [free, held]\n');
  for (const role of ['free', 'held']) await control.put(`roles/${role}/role.yml`, `summary: The role ${role}.\n`);
  await control.put('roles/free/tasks/main.yml', `- {name: greeting, copy: {dest: /etc/nights-greeting, content: "hello\\n", mode: "0644"}, notify: noticed}
- {name: lines, lineinfile: {path: /etc/nights-lines, line: "{{ item }}", create: true}, loop: [one, two]}
- {name: slowly, command: "sleep {{ slow }}", changed_when: false, when: slow > 0, check_mode: false}
`);
  await control.put('roles/free/handlers.yml', '- {name: noticed, shell: "date >>/var/log/nights-noticed"}\n');
  await control.put('roles/held/tasks/main.yml', '- {name: database, copy: {dest: /etc/nights-held, content: "precious\\n"}}\n');
  await control.sh('mkdir -p /var/lib/care-metrics');
  expect((await control.care('apply', 'inventory/nights.yml')).status).toBe(0);
  const installed = await control.care(...INSTALL);
  expect([installed.status, installed.stderr]).toEqual([0, '']);
});
afterAll(async () => {
  await control.care('converge', 'uninstall', 'inventory/nights.yml');
  for (const host of HOSTS) await onHost(lab, host, 'rm -f /etc/nights-* /var/log/nights-*');
  await removeControlHost(lab, CONTROL);
  await sink.close();
});

async function shown(run: string): Promise<Shown> {
  const { status, stdout } = await control.care('history', 'show', run, '--output', 'json');
  expect(status).toBe(0);
  return JSON.parse(stdout) as Shown;
}
async function runs(): Promise<readonly Shown[]> {
  return JSON.parse((await control.care('history', '--output', 'json')).stdout) as readonly Shown[];
}
async function metric(name: string): Promise<number> {
  return Number(new RegExp(`^care_converge_${name}\\{name="nights"\\} (\\S+)$`, 'm').exec(await control.sh('cat /var/lib/care-metrics/care-converge-nights.prom'))?.[1]);
}
/** `resource: what | hosts` of a part of a mail. */
function listed(text: string, title: string): readonly string[] {
  const part = new RegExp(`\\n${title}\\n([^]*?)(\\n\\n|$)`).exec(text)?.[1] ?? '';
  return [...part.matchAll(/^\* .* — (.*)\n {2}on (.*)$/gm)].map(([, change, hosts]) => `${change ?? ''} | ${hosts ?? ''}`).sort();
}
/** The same of a run in the history: the changes by what they are, with their hosts. */
function grouped(changes: Shown['changes']): readonly string[] {
  const groups = new Map<string, string[]>();
  for (const { host, resource, what } of changes) groups.set(`${resource}: ${what}`, [...(groups.get(`${resource}: ${what}`) ?? []), host]);
  return [...groups].map(([change, hosts]) => `${change} | ${hosts.sort().join(', ')}`).sort();
}

/** The same of a part of the page. */
function onPage(page: string, id: string): readonly string[] {
  const text = (html: string): string => html.replaceAll(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
  const section = new RegExp(`<section id="${id}"[^]*?</section>`).exec(page)?.[0] ?? '';
  return [...section.matchAll(/<b>([^]*?)<\/b>: ([^]*?)(?: <span class="where">diff<\/span>|<\/p>\s*<p>)<span class="hosts">([^<]*)<\/span>/g)].map(([, resource = '', what = '', hosts = '']) => `${text(resource)}: ${text(what)} | ${text(hosts).replace(/^\d+ hosts: /, '')}`).sort();
}
/** A metric of the night's last run. */
async function runMetric(name: string, label = ''): Promise<number> {
  return Number(new RegExp(`^care_provision_run_${name}\\{[^}]*mode="converge"[^}]*${label}[^}]*\\} (\\S+)$`, 'm').exec(await control.sh('cat /var/lib/care-metrics/care-converge-nights-run.prom'))?.[1]);
}

/**
 * What the newest night has made and left, of which history, mail, page and metrics must tell the same, to the last change on the last host.
 * Neither a list that lacks one nor one that has one more would do.
 */
async function agreed(mail: number): Promise<{ readonly made: Shown; readonly kept: Shown['changes'] }> {
  const [apply, check] = await runs();
  expect([check?.mode, check?.status, apply?.mode, apply?.status]).toEqual(['check', 2, 'apply', 0]);
  const made = await shown(apply?.id ?? '');
  const found = await shown(check?.id ?? '');
  const kept = found.changes.filter((change) => change.role === 'held');
  // Predicted to the last change.
  expect(grouped(found.changes.filter((change) => change.role !== 'held'))).toEqual(grouped(made.changes));
  const text = textOf(sink.mails[mail]);
  expect([listed(text, 'CHANGED'), listed(text, 'LEFT AS IT IS')]).toEqual([grouped(made.changes), grouped(kept)]);
  const page = await control.sh(`cat /srv/reports/nights-${made.id}.html`);
  expect([onPage(page, 'changes'), onPage(page, 'left')]).toEqual([grouped(made.changes), grouped(kept)]);
  // Handlers are no changes of their own in what the policy counts.
  const counted = made.changes.filter((change) => !change.resource.startsWith('shell ')).length;
  expect([await metric('mended_changes'), await metric('left_changes'), await metric('exit_status'), await metric('told')]).toEqual([counted, kept.length, 2, 1]);
  expect([await runMetric('tasks', 'status="changed"'), await runMetric('exit_status'), await runMetric('notifications_failed')]).toEqual([made.total.changed, 2, 0]);
  return { made, kept };
}

/** The timer itself starts the run: its time is moved to in a moment, and put back. */
async function byTimer(): Promise<void> {
  const before = await control.sh(`systemctl show -p InvocationID --value ${UNIT}.service`);
  await control.sh(`mkdir -p /run/systemd/system/${UNIT}.timer.d; printf '[Timer]\\nOnCalendar=\\nOnCalendar=*:*:0/2\\nAccuracySec=100ms\\n' >/run/systemd/system/${UNIT}.timer.d/soon.conf; systemctl daemon-reload; systemctl restart ${UNIT}.timer`);
  await eventually(async () => (await control.sh(`systemctl show -p InvocationID --value ${UNIT}.service`)) !== before, 20_000, () => 'the timer starts nothing');
  await control.sh(`rm -r /run/systemd/system/${UNIT}.timer.d; systemctl daemon-reload; systemctl restart ${UNIT}.timer`);
  await eventually(async () => (await control.sh(`systemctl show -p ActiveState --value ${UNIT}.service`)) === 'inactive', 60_000, () => 'the run does not end');
}

describe('three nights', () => {
  test('the first: what drifted is mended, what is held is left; mail, page, metrics and history say the same', async () => {
    await onHost(lab, 'test-bookworm', 'echo tampered >/etc/nights-greeting');
    for (const host of HOSTS) await onHost(lab, host, 'sed -i /two/d /etc/nights-lines');
    await onHost(lab, 'test-trixie', 'rm /etc/nights-held');
    await byTimer();
    for (const host of HOSTS) expect(await onHost(lab, host, 'cat /etc/nights-greeting /etc/nights-lines')).toBe('hello\none\ntwo');
    expect(await onHost(lab, 'test-trixie', 'ls /etc/nights-held 2>/dev/null || true')).toBe('');
    expect(sink.mails).toHaveLength(1);
    const { made, kept } = await agreed(0);
    // Three of the files, and the handler of one.
    expect([made.changes.length, kept.length]).toEqual([4, 1]);
  });

  test('the second: a host in another way, and what was left is told of again', async () => {
    await onHost(lab, 'test-trixie', 'chmod 0600 /etc/nights-greeting');
    await control.sh(`systemctl start ${UNIT}.service`);
    expect(await onHost(lab, 'test-trixie', 'stat -c %a /etc/nights-greeting')).toBe('644');
    expect(sink.mails).toHaveLength(2);
    const { made, kept } = await agreed(1);
    expect([made.changes.length, kept.length]).toEqual([2, 1]);
    expect(made.changes.map((change) => `${change.host} ${change.what}`)).toContain('test-trixie mode 0600 → 0644');
    const drift = await control.care('drift', '--output', 'json');
    expect(JSON.stringify(JSON.parse(drift.stdout))).toContain('/etc/nights-greeting');
  });

  test('the third: somebody has mended what was held; nothing is to be said, and nothing is', async () => {
    expect((await control.care('apply', 'inventory/nights.yml')).status).toBe(0);
    const success = await metric('last_success_timestamp_seconds');
    const pages = await control.sh('ls /srv/reports | wc -l');
    await control.sh(`systemctl start ${UNIT}.service`);
    expect(sink.mails).toHaveLength(2);
    expect(await control.sh('ls /srv/reports | wc -l')).toBe(pages);
    const [check] = await runs();
    expect([check?.mode, check?.status, check?.total.changed]).toEqual(['check', 0, 0]);
    expect([await metric('mended_changes'), await metric('left_changes'), await metric('exit_status'), await runMetric('tasks', 'status="changed"')]).toEqual([0, 0, 0, 0]);
    expect(await metric('last_success_timestamp_seconds')).toBeGreaterThan(success);
    const status = await control.care('converge', 'status', 'inventory/nights.yml');
    expect([status.status, status.stdout]).toEqual([0, expect.stringContaining('converged: nothing would change on 2 hosts (status 0)') as string]);
  });
});

/** The run that is at work takes its time. */
async function slowRun(): Promise<void> {
  await control.sh(`sed -i 's/"slow":0/"slow":120/' inventory/nights.yml; systemctl start --no-block ${UNIT}.service`);
  await eventually(async () => (await control.sh('pgrep -xc sleep || true')) !== '0', 30_000, () => 'the run does not get to its slow task');
}

describe('a night that is none', () => {
  test('killed with -9: systemd has it told of at once, and not again', async () => {
    const mails = sink.mails.length;
    await slowRun();
    await control.sh(`systemctl kill --signal=KILL ${UNIT}.service`);
    await eventually(() => sink.mails.length > mails, 30_000, () => 'nobody hears of it');
    expect(subjectOf(sink.mails.at(-1))).toMatch(/nights\.yml: the nightly run has DIED$/);
    expect(textOf(sink.mails.at(-1))).toContain('the run was ended: signal KILL, without a word');
    await eventually(async () => (await control.sh(`systemctl show -p ActiveState --value ${UNIT}-watch.service`)) === 'inactive', 30_000, () => 'watch does not end');
    const status = await control.care('converge', 'status', 'inventory/nights.yml');
    expect([status.status, status.stdout]).toEqual([3, expect.stringMatching(/\nDIED +the run that began/) as string]);
    expect([await metric('died'), await metric('in_progress')]).toEqual([1, 1]);
    await control.sh(`systemctl start ${UNIT}-watch.service`);
    expect(sink.mails).toHaveLength(mails + 1);
  });

  test('that hangs is ended by systemd, and told of as hanging', async () => {
    const mails = sink.mails.length;
    await control.sh(`mkdir -p /run/systemd/system/${UNIT}.service.d; printf '[Service]\\nTimeoutStartSec=12\\nTimeoutStopSec=3\\n' >/run/systemd/system/${UNIT}.service.d/short.conf; systemctl daemon-reload; systemctl reset-failed ${UNIT}.service`);
    await slowRun();
    await eventually(() => sink.mails.length > mails, 45_000, () => 'nobody hears of it');
    expect(sink.mails.map(subjectOf).slice(mails)).toEqual([expect.stringMatching(/the nightly run HANGS$/) as string]);
    await control.sh(`rm -r /run/systemd/system/${UNIT}.service.d; sed -i 's/"slow":120/"slow":0/' inventory/nights.yml; systemctl daemon-reload; systemctl reset-failed ${UNIT}.service`);
  });

  test('that does not come is missed, told of once', async () => {
    const due = new Date(Date.now() - 3 * 3_600_000).toISOString().slice(11, 16);
    await inventory({ at: due });
    // As after days in which the timer was off.
    await control.sh(`systemctl stop ${UNIT}.timer; cd /root/.local/state/care-provision/converge; sed -i 's/"since": "[^"]*"/"since": "2026-01-01T00:00:00.000Z"/' nights.watch.json; sed -i -E 's/"at": "20[0-9-]+T/"at": "2026-01-01T/' nights.run.json; sed -i 's/"broken": [^,]*/"broken": "2027-01-01T00:00:00.000Z"/' nights.watch.json`);
    const mails = sink.mails.length;
    await control.sh(`systemctl start ${UNIT}-watch.service`);
    expect(sink.mails.map(subjectOf).slice(mails)).toEqual([expect.stringMatching(/the nightly run was MISSED$/) as string]);
    expect(textOf(sink.mails.at(-1))).toContain(`${due} UTC has not begun`);
    expect(await metric('missed')).toBe(1);
    const status = await control.care('converge', 'status', 'inventory/nights.yml');
    expect([status.status, status.stdout]).toEqual([3, expect.stringMatching(/\nMISSED [^]*NOT active[^]*written for another schedule/) as string]);
    await control.sh(`systemctl start ${UNIT}-watch.service`);
    expect(sink.mails).toHaveLength(mails + 1);
    // The night by hand, and installed anew: all is well again.
    expect((await control.care(...INSTALL)).status).toBe(0);
    await control.sh(`systemctl start ${UNIT}.service`);
    expect((await control.care('converge', 'status', 'inventory/nights.yml')).status).toBe(0);
  });

  test('that was due while the machine was down is made when it is up again', async () => {
    const before = await control.sh(`systemctl show -p InvocationID --value ${UNIT}.service`);
    // The timer's memory of when it last elapsed (systemd.timer(5), Persistent=).
    await control.sh(`systemctl stop ${UNIT}.timer; touch -d '2 days ago' /var/lib/systemd/timers/stamp-${UNIT}.timer; systemctl start ${UNIT}.timer`);
    await eventually(async () => (await control.sh(`systemctl show -p InvocationID --value ${UNIT}.service`)) !== before, 20_000, () => 'the timer does not make up for it');
    await eventually(async () => (await control.sh(`systemctl show -p ActiveState --value ${UNIT}.service`)) === 'inactive', 60_000, () => 'the run does not end');
    expect((await control.care('converge', 'status', 'inventory/nights.yml')).status).toBe(0);
  });

  test('whose playbook is broken is told of by itself, once', async () => {
    const mails = sink.mails.length;
    await control.sh(`mv playbooks/site.yml playbooks/away.yml; systemctl start ${UNIT}.service 2>/dev/null; mv playbooks/away.yml playbooks/site.yml`);
    await eventually(async () => (await control.sh(`systemctl show -p ActiveState --value ${UNIT}-watch.service`)) === 'inactive', 30_000, () => 'watch does not end');
    // By the run itself: once.
    expect(sink.mails.map(subjectOf).slice(mails)).toEqual([expect.stringMatching(/did not begin: bad input$/) as string]);
  });
});
