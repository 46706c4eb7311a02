/** Role postfix on two hosts, Debian 13 and 12, with an outside world beside them: predicted, made, verified, attacked, broken, rotated. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { eventually, hostVariables, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';

const HOSTS = ['m1', 'm2'] as const;
const OUTSIDE = 'out';
const PASSWORD = 'care-of-the-drill';
const repository = path.join(import.meta.dirname, '..', '..');
const book = (name: string): string => path.join(repository, 'playbooks', name);
const BELOW = ['base.yml', 'pki.yml'].map(book);
const MAIL = [book('postfix.yml')];
/** The keys once they were changed. */
const KEY_B = { postfix_dkim_selectors: ['b'], postfix_dkim_selector: 'b', postfix_dkim_retired: ['a'] };
const WORLD = [book('lab-mail.yml')];

let lab: Lab;
let project: LabProject;
/** The inventory, with more variables for m2. */
let inventory: (more: Readonly<Record<string, unknown>>) => string;
const address = (name: string): string => String(hostVariables(lab, name)['ansible_host']);

beforeAll(async () => {
  lab = await labUp({ ...ownLab('postfix'), hosts: [{ name: 'm1', site: 'kochi', release: 'trixie' }, { name: 'm2', site: 'delhi', release: 'bookworm' }, { name: OUTSIDE, site: 'delhi', release: 'trixie' }] });
  const vars = {
    lab_secret: 'of-the-drill', time_control_clock: false, time_servers: [], time_serve_to: ['172.16.0.0/12'], base_sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }],
    postfix_domain: 'care.test', postfix_postmaster: 'ops@partner.test', postfix_nameservers: [address(OUTSIDE)], postfix_verify_password: '{{ secret "verify-of-the-drill" }}',
    postfix_client_networks: ['172.30.0.0/16'],
    postfix_users: [
      { name: 'care', password: `{{ secret "${PASSWORD}" }}`, senders: ['noreply@care.test'] },
      { name: 'lab', password: '{{ secret "lab-of-the-drill" }}', senders: ['@lab.test'] },
    ],
    postfix_aliases: [{ name: 'help', to: ['ops@partner.test', 'second@partner.test'] }],
    postfix_virtual_domains: [{ name: 'lab.test', aliases: [{ name: 'results', to: ['results@partner.test'] }] }],
  };
  inventory = (more) => {
    const hosts = Object.fromEntries([...HOSTS, OUTSIDE].map((name) => [name, { ...hostVariables(lab, name), ...(name === 'm2' ? more : {}) }]));
    return JSON.stringify({ all: { vars, hosts, children: { postfix: { hosts: { m1: null, m2: null } }, lab_mail: { hosts: { [OUTSIDE]: null } } } } });
  };
  project = labProject({ 'inventory.yml': inventory({}) });
  const below = await run(BELOW);
  expect([...HOSTS.map((name) => troubleOf(below, name)), below.status]).toEqual(['', '', 0]);
});
afterAll(async () => {
  project.remove();
  await labDown(ownLab('postfix'));
});

const run = (playbooks: readonly string[], options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks, ...options });

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly seconds: number;
}
const CLIENT = readFileSync(path.join(import.meta.dirname, 'support', 'mail-client.py'), 'utf8');
const b64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');
/** A command on the outside host that sees the lab's DNS, with a text on its standard input. */
const outside = (command: string, input = ''): Promise<string> =>
  onHost(lab, OUTSIDE, `printf %s '${b64(input)}' | base64 -d | unshare -m sh -c 'mount --bind /etc/lab-mail/resolv.conf /etc/resolv.conf && ${command}'`);
/** What a client on the outside host is told. */
async function mail(settings: Readonly<Record<string, unknown>>): Promise<Answer> {
  await onHost(lab, OUTSIDE, `printf %s '${b64(CLIENT)}' | base64 -d >/tmp/mail-client.py`);
  return JSON.parse(await outside('timeout 120 python3 /tmp/mail-client.py', JSON.stringify(settings))) as Answer;
}
const message = (from: string, to: string, subject: string): string => `From: ${from}\nTo: ${to}\nSubject: ${subject}\nDate: ${new Date().toUTCString().replace('GMT', '+0000')}\nMessage-ID: <${subject}@drill.test>\n\nhello\n`;
/** By the name that reaches both hosts, as CARE does it. */
const submit = (subject: string, more: Readonly<Record<string, unknown>> = {}): Promise<Answer> =>
  mail({ host: 'smtp.care.test', port: 587, starttls: true, user: 'care', password: PASSWORD, sender: 'noreply@care.test', recipients: ['ops@partner.test'], message: message('noreply@care.test', 'ops@partner.test', subject), ...more });
/** The text of a message in the sink, when it has come. */
async function arrived(text: string, seconds = 20): Promise<string> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const file = await onHost(lab, OUTSIDE, `care-lab-mail find '${text}' || true`);
    if (file !== '') return onHost(lab, OUTSIDE, `cat ${file}`);
    if (Date.now() > end) throw new Error(`no message with ${text} after ${String(seconds)} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
/** What its monitoring is told of a host. */
const metricsOf = (host: string): Promise<string> => onHost(lab, host, 'mkdir -p /var/lib/prometheus/node-exporter && care-postfix-status --write && cat /var/lib/prometheus/node-exporter/care_postfix.prom');
const selectorOf = (text: string): string | undefined => /DKIM-Signature:(?:[^\n]*\n[ \t])*[^\n]*s=([a-z0-9-]+);/.exec(text)?.[1];

const trouble = (result: Result): readonly string[] => [...HOSTS, OUTSIDE].map((name) => troubleOf(result, name));
const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.task}|${e.resource}`] : [])))].sort();

/** Check, then apply: what is predicted is what is made, nothing is unknown, and a second apply changes nothing. */
async function converge(options: Partial<RunOptions> = {}): Promise<readonly string[]> {
  const predicted = await run(MAIL, { ...options, mode: 'check' });
  expect([trouble(predicted), predicted.summary?.total.unknown]).toEqual([['', '', ''], 0]);
  const made = await run(MAIL, options);
  expect([trouble(made), made.status]).toEqual([['', '', ''], 0]);
  expect(changes(made)).toEqual(changes(predicted));
  const again = await run(MAIL, options);
  expect([again.status, changes(again)]).toEqual([0, []]);
  return changes(made);
}

it('is made as predicted, and a second apply changes nothing', async () => {
  const made = await converge();
  expect(made.filter((c) => c.includes('DKIM')).length).toBe(2);
});

it('is verified by real lookups and messages once the DNS has its records', async () => {
  const world = await run(WORLD);
  expect([trouble(world), world.status]).toEqual([['', '', ''], 0]);
  const verified = await run(MAIL, { mode: 'verify' });
  expect([trouble(verified), verified.status]).toEqual([['', '', ''], 0]);
});

it('sends for a login: signed, by an address of the SPF record, over TLS, without telling from where; an independent verifier agrees', async () => {
  const sent = await submit('outbound-1');
  expect(sent).toMatchObject({ code: 250 });
  expect(sent.seconds).toBeLessThan(5);
  const text = await arrived('Subject: outbound-1', 5);
  expect(await onHost(lab, OUTSIDE, "care-lab-mail verify $(care-lab-mail find 'Subject: outbound-1')")).toContain('signature ok');
  expect(text).toMatch(/Received-SPF: Pass/i);
  expect(text).toContain('d=care.test');
  expect(text).toMatch(/with ESMTPS id/);
  expect(text).not.toContain(address(OUTSIDE));
  // What programs of the host itself send is signed as well.
  await onHost(lab, 'm2', "printf 'Subject: cron-1\\n\\nhello\\n' | /usr/sbin/sendmail root");
  expect(await arrived('Subject: cron-1')).toContain('d=care.test');
  // The same with a byte changed is not taken for signed.
  await expect(onHost(lab, OUTSIDE, "sed 's/^hello/hallo/' $(care-lab-mail find 'Subject: outbound-1') >/tmp/changed && care-lab-mail verify /tmp/changed")).rejects.toThrow();
});

it('takes mail from outside for what it says, and refuses what pretends', async () => {
  const host = address('m1');
  const to = { host, recipients: ['help@care.test'] };
  // A domain that says where its mail comes from: elsewhere.
  expect((await mail({ ...to, sender: 'boss@victim.test', message: message('boss@victim.test', 'help@care.test', 'spoof-1') })).code).toBeGreaterThanOrEqual(500);
  // Ours, from outside, in the envelope; in From: alone; for the domain of another author.
  expect(await mail({ ...to, sender: 'noreply@care.test' })).toMatchObject({ code: 553 });
  const forged = await mail({ ...to, sender: 'someone@plain.test', message: message('noreply@care.test', 'help@care.test', 'spoof-2') });
  expect([Math.floor(forged.code / 100), forged.text]).toEqual([5, expect.stringContaining('DMARC')]);
  expect(await mail({ ...to, sender: 'someone@plain.test', recipients: ['someone@plain.test'] })).toMatchObject({ code: 554 });
  // Honest: a domain without any records, and one that signs.
  expect(await mail({ ...to, sender: 'someone@plain.test', message: message('someone@plain.test', 'help@care.test', 'honest-1') })).toMatchObject({ code: 250 });
  expect(await arrived('Subject: honest-1')).toContain('ARC-Seal');
  // An alias of a further domain, and one with two addresses.
  expect(await mail({ host: address('m2'), sender: 'someone@plain.test', recipients: ['results@lab.test', 'help+more@care.test'], message: message('someone@plain.test', 'results@lab.test', 'honest-3') })).toMatchObject({ code: 250 });
  await arrived('Subject: honest-3');
  await eventually(async () => (await onHost(lab, OUTSIDE, "grep -l 'Subject: honest-3' /var/lib/lab-mail/sink/new/* | xargs grep -h '^X-Original-To:' | sort -u")).split('\n').join() === ['ops', 'results', 'second'].map((name) => `X-Original-To: ${name}@partner.test`).join(), 20_000, () => 'all three have it');
  const signed = await onHost(lab, OUTSIDE, `printf %s '${b64(message('someone@partner.test', 'help@care.test', 'honest-2'))}' | base64 -d | sed 's/$/\\r/' | care-lab-mail sign | tr -d '\\r' | base64 -w0`);
  expect(await mail({ ...to, sender: 'someone@partner.test', message: Buffer.from(signed, 'base64').toString('utf8') })).toMatchObject({ code: 250 });
  const text = await arrived('Subject: honest-2');
  expect(text).toMatch(/Authentication-Results: m1[^\n]*(\n[ \t][^\n]*)*dkim=pass/);
  expect(text).toMatch(/dmarc=pass/);
  // Signed, and changed on the way.
  const broken = await mail({ ...to, sender: 'someone@plain.test', message: Buffer.from(signed, 'base64').toString('utf8').replace('hello', 'hallo').replace('honest-2', 'spoof-3') });
  expect(Math.floor(broken.code / 100)).toBe(5);
});

it('holds a login to its addresses, and its domains to themselves', async () => {
  expect(await submit('as-other', { sender: 'results@lab.test' })).toMatchObject({ code: 553 });
  const header = await submit('as-other-2', { message: message('help@care.test', 'ops@partner.test', 'as-other-2') });
  expect(Math.floor(header.code / 100)).toBe(5);
  const asLab = (sender: string): Promise<Answer> => submit('lab-1', { user: 'lab', password: 'lab-of-the-drill', sender, message: message(sender, 'ops@partner.test', 'lab-1') });
  expect(await asLab('results@lab.test')).toMatchObject({ code: 250 });
  // All of the domain, but nobody who could not get an answer.
  expect(await asLab('nobody@lab.test')).toMatchObject({ code: 550 });
  expect(await arrived('Subject: lab-1')).toContain('d=lab.test');
  expect(await submit('wrong', { password: 'wrong' })).toMatchObject({ code: 535 });
});

it('serves by the other host when one is down, by the same name', async () => {
  const down = 'systemctl stop postfix.service "postfix@*.service"';
  await onHost(lab, 'm1', down);
  expect(await submit('one-down')).toMatchObject({ code: 250 });
  await arrived('Subject: one-down');
  expect((await run(MAIL, { mode: 'verify' })).status).toBe(3);
  const metrics = await metricsOf('m1');
  expect(metrics).toMatch(/^care_postfix_up 0$/m);
  expect(metrics).toContain('care_postfix_port_up{port="25"} 0');
  expect((await converge()).filter((c) => c.startsWith('m1'))).toEqual([expect.stringContaining('postfix.service')]);
  expect(await metricsOf('m1')).toMatch(/^care_postfix_up 1$/m);
});

it('sends nothing unsigned while rspamd is down, and loses nothing', async () => {
  for (const host of HOSTS) await onHost(lab, host, 'systemctl stop rspamd.service');
  expect(Math.floor((await submit('no-filter')).code / 100)).toBe(4);
  expect(await converge()).toEqual(HOSTS.map((host) => `${host}|rspamd runs|unit rspamd.service`));
  expect(await submit('filter-again')).toMatchObject({ code: 250 });
  expect(selectorOf(await arrived('Subject: filter-again'))).toMatch(/^m[12]-a$/);
});

it('puts no file in place that its program calls unsound, and what runs goes on', async () => {
  const before = await onHost(lab, 'm1', 'cat /etc/postfix/main.cf /etc/rspamd/care.conf');
  const unknown = await run(MAIL, { extraVars: { postfix_parameters: { smtpd_nonsense: 'yes' } } });
  expect([unknown.status, troubleOf(unknown, 'm1')]).toEqual([3, expect.stringContaining('unused parameter')]);
  const twice = await run(MAIL, { extraVars: { postfix_parameters: { relay_domains: 'partner.test' } } });
  expect([twice.status, troubleOf(twice, 'm1')]).toEqual([3, expect.stringContaining('overriding earlier entry')]);
  expect(await onHost(lab, 'm1', 'cat /etc/postfix/main.cf /etc/rspamd/care.conf')).toBe(before);
  expect((await run(MAIL)).status).toBe(0);
  expect(await submit('still-there')).toMatchObject({ code: 250 });
});

it('finds what somebody has opened by hand, an open relay, and mends it', async () => {
  const foreign = { host: address('m1'), sender: 'someone@plain.test', recipients: ['someone@plain.test'] };
  expect(await mail(foreign)).toMatchObject({ code: 554 });
  await onHost(lab, 'm1', 'postconf -e "mynetworks = 0.0.0.0/0" && postfix reload');
  await eventually(async () => (await mail(foreign)).code === 250, 20_000, () => 'the relay is not open');
  const found = await run(MAIL, { mode: 'verify' });
  expect([found.status, troubleOf(found, 'm1'), troubleOf(found, 'm2')]).toEqual([3, expect.stringContaining('relaying from '), '']);
  const mended = await converge();
  expect([mended.filter((c) => !c.startsWith('m1|')), mended.filter((c) => c.includes('/etc/postfix/main.cf')).length]).toEqual([[], 1]);
  expect(await mail(foreign)).toMatchObject({ code: 554 });
  const verified = await run(MAIL, { mode: 'verify' });
  expect([trouble(verified), verified.status]).toEqual([['', '', ''], 0]);
});

it('changes DKIM keys by a second selector: published first, then signing, then the former one goes', async () => {
  const both = { extraVars: { postfix_dkim_selectors: ['a', 'b'] } };
  const next = { extraVars: { postfix_dkim_selectors: ['a', 'b'], postfix_dkim_selector: 'b' } };
  const done = { extraVars: KEY_B };
  expect((await converge(both)).filter((c) => c.includes('DKIM'))).toEqual(HOSTS.map((host) => `${host}|DKIM keys of this host|private key /etc/care-provision/postfix/dkim/b.key`));
  // Too early: the world can't look the new key up.
  const early = await run(MAIL, next);
  expect([early.status, troubleOf(early, 'm1')]).toEqual([3, expect.stringContaining('is not in the DNS yet')]);
  expect(await submit('still-a')).toMatchObject({ code: 250 });
  expect(selectorOf(await arrived('Subject: still-a'))).toMatch(/^m[12]-a$/);
  expect((await run(WORLD, both)).status).toBe(0);
  await converge(next);
  expect(await submit('now-b')).toMatchObject({ code: 250 });
  expect(selectorOf(await arrived('Subject: now-b'))).toMatch(/^m[12]-b$/);
  // What was signed before still verifies.
  expect(await onHost(lab, OUTSIDE, "care-lab-mail verify $(care-lab-mail find 'Subject: still-a')")).toContain('signature ok');
  expect((await converge(done)).filter((c) => c.includes('former'))).toEqual(HOSTS.map((host) => `${host}|former DKIM keys are gone|file /etc/care-provision/postfix/dkim/a.key`));
  expect((await run(WORLD, done)).status).toBe(0);
  const verified = await run(MAIL, { mode: 'verify', ...done });
  expect([trouble(verified), verified.status]).toEqual([['', '', ''], 0]);
});

it('tells of mail that waits, in metrics and by verify, and delivers it when it can', async () => {
  const metrics = async (): Promise<string> => (await Promise.all(HOSTS.map(metricsOf))).join('\n');
  expect(await metrics()).toContain('care_postfix_dns_problems 0');
  await onHost(lab, OUTSIDE, 'systemctl stop postfix.service');
  expect(await submit('waits-1')).toMatchObject({ code: 250 });
  await new Promise((resolve) => setTimeout(resolve, 65_000));
  const waiting = await metrics();
  expect(waiting).toMatch(/care_postfix_queue_messages\{queue="deferred"\} 1/);
  expect(waiting).toMatch(/care_postfix_queue_oldest_seconds\{queue="deferred"\} [67]\d/);
  expect(waiting).not.toContain('care_postfix_port_up{port="25"} 0');
  const verified = await run(MAIL, { mode: 'verify', extraVars: { ...KEY_B, postfix_queue_max_age_minutes: 1 } });
  expect([verified.status, trouble(verified).join()]).toEqual([3, expect.stringContaining('nothing waits for long')]);
  await onHost(lab, OUTSIDE, 'systemctl start postfix.service');
  for (const host of HOSTS) await onHost(lab, host, 'postqueue -f');
  await arrived('Subject: waits-1');
});

it('sends through a relayhost that it logs in at, over TLS with a verified name, and forgets the login afterwards', async () => {
  const relayhost = { host: 'm1.care.test', username: 'care', password: `{{ secret "${PASSWORD}" }}` };
  const key = { extraVars: KEY_B };
  project.write('inventory.yml', inventory({ postfix_relayhost: relayhost }));
  expect((await converge(key)).filter((c) => c.includes('relayhost')).length).toBe(2);
  expect(await onHost(lab, 'm2', `stat -c %a /etc/postfix/relay_password; grep -rlF ${PASSWORD} /etc/postfix | sort; postconf -h relayhost`)).toBe('600\n/etc/postfix/relay_password\n[m1.care.test]:587');
  expect(await submit('relayed-1', { host: 'm2.care.test' })).toMatchObject({ code: 250 });
  expect(await arrived('Subject: relayed-1')).toContain('d=care.test');
  expect(await onHost(lab, 'm2', 'journalctl --no-pager -o cat -t postfix/smtp | tail -n 5')).toMatch(/Verified TLS connection established to m1\.care\.test[\s\S]*relay=m1\.care\.test\[[0-9.]+\]:587[\s\S]*status=sent/);
  // A name that its certificate is not for: mail waits rather than going to a stranger.
  project.write('inventory.yml', inventory({ postfix_relayhost: { ...relayhost, host: 'mx.partner.test', port: 25 } }));
  expect((await run(MAIL, key)).status).toBe(0);
  expect(await submit('relayed-2', { host: 'm2.care.test' })).toMatchObject({ code: 250 });
  await eventually(async () => (await onHost(lab, 'm2', 'postqueue -p')).includes('not verified'), 30_000, () => 'it waits for a verified name');
  project.write('inventory.yml', inventory({}));
  expect((await converge(key)).filter((c) => c.includes('relayhost'))).toEqual(['m2|no login at a relayhost|file /etc/postfix/relay_password']);
});

it('limits what one address may do', async () => {
  expect((await run(MAIL, { extraVars: { ...KEY_B, postfix_connection_rate: 3, postfix_auth_rate: 2 } })).status).toBe(0);
  const answers: Answer[] = [];
  for (let i = 0; i < 5; i += 1) answers.push(await mail({ host: address('m1'), sender: 'someone@plain.test', recipients: ['help@care.test'] }));
  expect(answers.map((a) => a.code)).toEqual([250, 250, 250, 421, 421]);
  expect(answers[4]?.text).toContain('too many connections');
  expect((await run(MAIL, { extraVars: KEY_B })).status).toBe(0);
});

it('writes the records of all hosts into one file, that a DNS server takes', async () => {
  const records = await run([book('postfix-dns.yml')]);
  expect([trouble(records), records.status]).toEqual([['', '', ''], 0]);
  const zone = readFileSync(path.join(project.dir, '.care/postfix/dns-records.zone'), 'utf8');
  expect(zone.match(/^m[12]-b\._domainkey\.(care|lab)\.test\. /gm)?.length).toBe(4);
  expect(await onHost(lab, OUTSIDE, `{ printf '. 60 IN SOA a. b. 1 1 1 1 1\n. 60 IN NS a.\na. 60 IN A 192.0.2.1\n'; printf %s '${b64(zone)}' | base64 -d; } >/tmp/zone && named-checkzone -q . /tmp/zone && echo sound`)).toBe('sound');
  expect(changes(await run([book('postfix-dns.yml')]))).toEqual([]);
});

it('announces MTA-STS: the record is in the DNS, verify looks it up, and the policy names both hosts', async () => {
  const sts = { extraVars: { ...KEY_B, postfix_mta_sts: 'testing' } };
  expect((await converge(sts)).filter((c) => c.includes('dns')).length).toBeGreaterThan(0);
  const early = await run(MAIL, { mode: 'verify', ...sts });
  expect([early.status, troubleOf(early, 'm1')]).toEqual([3, expect.stringContaining('missing: _mta-sts.care.test.')]);
  expect((await run(WORLD, sts)).status).toBe(0);
  const verified = await run(MAIL, { mode: 'verify', ...sts });
  expect([trouble(verified), verified.status]).toEqual([['', '', ''], 0]);
  expect((await onHost(lab, 'm1', 'care-postfix-dns mta-sts')).split('\n')).toEqual(['version: STSv1', 'mode: testing', 'mx: m1.care.test', 'mx: m2.care.test', 'max_age: 604800']);
});
