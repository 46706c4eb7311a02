/** `--notify` from the command line: what the inventory says, the exit status, and that nothing of it touches the run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../../../src/cli/cli.ts';
import { encryptValue, initSecrets } from '../../../../src/language/secrets/index.ts';
import { ExitStatus } from '../../../../src/support/diagnostic.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { fakeContext, type FakeContext } from '../fakes.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'care-notify-cli-'));
const inventory = path.join(directory, 'inventory');
const playbook = path.join(directory, 'playbooks', 'site.yml');
const bodies: string[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (text: string) => { body += text; });
  request.on('end', () => {
    bodies.push(body);
    response.writeHead(204).end();
  });
});
let url = '';

beforeAll(async () => {
  for (const part of ['inventory/group_vars', 'playbooks']) mkdirSync(path.join(directory, part), { recursive: true });
  writeFileSync(path.join(inventory, 'hosts.yml'), 'all:\n  hosts:\n    localhost:\n      ansible_connection: local\n');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => {
  vi.stubEnv('CARE_STATE', path.join(directory, 'state'));
  bodies.length = 0;
});

function notify(text: string): void {
  writeFileSync(path.join(inventory, 'group_vars', 'all.yml'), text);
}
function tasks(text: string): void {
  writeFileSync(playbook, `- name: Night\n  hosts: all\n  tasks:\n${text}`);
}
const CHANGES = '    - {name: changes, debug: {msg: x}, changed_when: true}\n';
const FAILS = '    - {name: breaks, fail: {msg: no room}}\n';
const QUIET = '    - {name: quiet, ping: {}}\n';

async function run(...more: string[]): Promise<{ readonly status: number; readonly context: FakeContext }> {
  const context = fakeContext(directory);
  return { status: await main(['apply', inventory, playbook, '--lock-wait', '15', ...more], context), context };
}
const told = (): unknown[] => bodies.map((body) => (JSON.parse(body) as { readonly events: unknown }).events);

describe('a run', () => {
  test('tells of changes, failures, and that a failure is over; of a quiet night nothing', { timeout: 60_000 }, async () => {
    notify(`hook: ${url}\nnotify:\n  webhook: {url: "{{ hook }}"}\n`);
    tasks(CHANGES);
    expect((await run('--notify')).status).toBe(ExitStatus.ok);
    tasks(FAILS);
    expect((await run('--notify')).status).toBe(ExitStatus.failed);
    tasks(QUIET);
    expect((await run('--notify')).status).toBe(ExitStatus.ok);
    expect((await run('--notify')).status).toBe(ExitStatus.ok);
    expect(told()).toEqual([['changed'], ['failed'], ['recovered']]);
  });

  test('without --notify tells nobody', async () => {
    tasks(CHANGES);
    expect((await run()).status).toBe(ExitStatus.ok);
    expect(told()).toEqual([]);
  });

  test('that could not tell says so, with a status of its own where all else is well', async () => {
    notify('notify:\n  webhook: {url: "http://127.0.0.1:1/"}\n  tries: 1\n');
    tasks(CHANGES);
    const well = await run('--notify');
    expect(well.status).toBe(ExitStatus.notNotified);
    expect(well.context.stderr.text()).toMatch(/^warning: not notified: a webhook was not told: .*ECONNREFUSED/);
    expect(well.context.stdout.text()).toContain('Converged: 1 task changed on 1 host');
    tasks(FAILS);
    expect((await run('--notify')).status).toBe(ExitStatus.failed);
  });

  test('that ended before it began is told of as well, once it is known whom to tell', async () => {
    notify(`notify:\n  webhook: {url: "${url}"}\n`);
    tasks('    - {name: x, debug: {msg: "{{ nowhere }}", wrong: 1}}\n');
    expect((await run('--notify')).status).toBe(ExitStatus.badInput);
    expect(JSON.parse(bodies[0] ?? '')).toMatchObject({ events: ['failed'], status: 65, outcome: 'did not begin: bad input' });
  });
});

test('the page of a run, made with it and afterwards, and its metrics; a path that cannot be is refused first', { timeout: 60_000 }, async () => {
  notify('other: 1\n');
  tasks(`    - {name: hosts, copy: {dest: "${directory}/out", content: "one\\n"}}\n${FAILS}`);
  const [page, metrics, later] = ['page.html', 'care.prom', 'later.html'].map((name) => path.join(directory, name));
  expect((await run('--report', page ?? '', '--metrics', metrics ?? '')).status).toBe(ExitStatus.failed);
  const html = readFileSync(page ?? '', 'utf8');
  expect(html).toContain('failed: 1 host failed');
  // With its diff, though the terminal was not to show it.
  expect(html).toContain('<span class="add">+one</span>');
  expect(statSync(page ?? '').mode & 0o777).toBe(0o600);
  expect(readFileSync(metrics ?? '', 'utf8')).toMatch(/^care_provision_run_exit_status\{.*\} 3$/m);
  const id = /run (\d{8}-\d{6}-[0-9a-f]{6})|<dt>run<\/dt><dd>([^<]+)/.exec(html)?.[2] ?? '';
  const context = fakeContext(directory);
  expect(await main(['history', 'report', id, later ?? ''], context)).toBe(ExitStatus.ok);
  expect(context.stdout.text()).toBe(`${later ?? ''}\n`);
  expect(readFileSync(later ?? '', 'utf8')).toContain('no room');
  expect((await run('--report', path.join(directory, 'none', 'x.html'))).status).toBe(ExitStatus.usage);
  expect(await main(['history', 'report', 'nonsense', later ?? ''], fakeContext(directory))).toBe(ExitStatus.badInput);
});

test('a run that asks for none of it loads none of it', { timeout: 60_000 }, () => {
  tasks(QUIET);
  const preload = path.join(directory, 'watch.mjs');
  writeFileSync(preload, "import { registerHooks } from 'node:module'; registerHooks({ load(url, context, next) { process.stderr.write(url + '\\n'); return next(url, context); } });");
  const entry = path.join(import.meta.dirname, '..', '..', '..', '..', 'src', 'cli', 'main.ts');
  const { status, stderr } = spawnSync(process.execPath, ['--import', preload, entry, 'check', inventory, playbook], { encoding: 'utf8', env: { ...process.env, CARE_STATE: path.join(directory, 'state') } });
  expect(status).toBe(ExitStatus.ok);
  const own = [...stderr.matchAll(/src\/cli\/(?:report|notify)\/[\w-]+\.ts|node_modules\/nodemailer|src\/support\/html\.ts/g)].map(([file]) => file);
  expect(own).toEqual(['src/cli/report/make.ts']);
});

describe('what is wrong with notify is found before any host is touched, and by validate', () => {
  const CASES: readonly (readonly [string, string, RegExp])[] = [
    ['nobody', 'notify: {}\n', /names nobody to tell/],
    ['an unknown word', 'notify: {mial: {}}\n', /mial.*(\n.*)*mail/],
    ['a password in the clear', 'notify:\n  mail: {url: "smtp://h", from: a@b, to: c@d, username: u, password: p, starttls: never}\n', /a password is never sent in the clear/],
    ['a user without password', 'notify:\n  mail: {url: "smtp://h", from: a@b, to: c@d, username: u}\n', /username and password go together/],
    ['a password in the URL', 'notify:\n  mail: {url: "smtp://u:p@h", from: a@b, to: c@d}\n', /must hold no user and no password/],
    ['another protocol', 'notify:\n  webhook: {url: "file:///etc/passwd"}\n', /must be an http or https URL/],
    ['an address that would be a header', 'notify:\n  mail: {url: "smtp://h", from: "a@b\\r\\nBcc: x@y", to: c@d}\n', /must be a plain mail address/],
    ['a CA file that is not there', 'notify:\n  webhook: {url: "https://h", ca_file: /nonexistent}\n', /ca_file \/nonexistent cannot be read/],
  ];
  test.each(CASES)('%s', async (_, text, message) => {
    notify(text);
    tasks(CHANGES);
    const { status, context } = await run('--notify');
    expect(status).toBe(ExitStatus.badInput);
    expect(context.stderr.text()).toMatch(message);
    expect(context.stdout.text()).not.toContain('play: Night');
    const validating = fakeContext(directory);
    expect(await main(['validate', inventory, playbook], validating)).toBe(ExitStatus.badInput);
    expect(validating.stderr.text()).toMatch(message);
  });

  test('validate needs no key to the secrets in it; a run that is to tell somebody does', async () => {
    const keys = { environment: { CARE_IDENTITY_FILE: path.join(directory, 'keys', 'me.txt') } };
    await initSecrets(inventory, 'me', keys);
    const value = await encryptValue(inventory, new Secret(url), 6);
    notify(`notify:\n  webhook:\n    url: ${value.trimStart()}\n`);
    tasks(CHANGES);
    vi.stubEnv('CARE_IDENTITY_FILE', path.join(directory, 'keys', 'nobody.txt'));
    const validating = fakeContext(directory);
    expect(await main(['validate', inventory, playbook], validating)).toBe(ExitStatus.ok);
    expect((await run('--notify')).context.stderr.text()).toContain('nobody.txt');
    vi.stubEnv('CARE_IDENTITY_FILE', keys.environment.CARE_IDENTITY_FILE);
    expect((await run('--notify')).status).toBe(ExitStatus.ok);
    expect(told()).toEqual([['changed']]);
  });

  test('--notify where the inventory names nobody', async () => {
    notify('other: 1\n');
    const { status, context } = await run('--notify');
    expect(status).toBe(ExitStatus.badInput);
    expect(context.stderr.text()).toContain('does not say whom to tell');
  });
});
