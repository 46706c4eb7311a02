/** First contact with real hosts: nothing is trusted until a fingerprint is, and then a run gets in. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sharedLab } from '../support/lab.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'care-provision');
let directory = '';
let knownHosts = '';
let fingerprints: string[] = [];

beforeAll(async () => {
  const lab = await sharedLab();
  directory = mkdtempSync(join(tmpdir(), 'care-trust-'));
  knownHosts = join(directory, 'known_hosts');
  const hosts = lab.state.hosts.map((host) => `    ${host.name}:\n      ansible_host: ${host.sshAddress}\n      ansible_port: ${String(host.sshPort)}`).join('\n');
  writeFileSync(join(directory, 'hosts.yml'), `all:\n  vars:\n    ansible_user: care\n    ansible_ssh_private_key_file: ${lab.paths.loginKey}\n    ansible_ssh_common_args: -F /dev/null -o UserKnownHostsFile=${knownHosts} -o GlobalKnownHostsFile=/dev/null\n  hosts:\n${hosts}\n`);
  // What the lab itself noted of its hosts stands in for a look at their consoles.
  fingerprints = spawnSync('ssh-keygen', ['-lf', lab.paths.knownHosts], { encoding: 'utf8' }).stdout.trim().split('\n').map((line) => line.split(' ')[1] ?? '');
});
afterAll(() => { rmSync(directory, { recursive: true }); });

function care(...args: readonly string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(program, [...args], { encoding: 'utf8', cwd: directory, env: { ...process.env, CARE_STATE: join(directory, 'state') }, timeout: 60_000 });
}

test('an unknown host is refused, trusted by its fingerprint, and then reached', () => {
  const before = care('run', 'hosts.yml', 'test-trixie', '-m', 'ping');
  expect(before.status).toBe(4);
  expect(before.stdout).toContain('care-provision trust');

  const wrong = care('trust', 'hosts.yml', '-l', 'test-trixie', '--fingerprint', 'SHA256:nobody');
  expect([wrong.status, existsSync(knownHosts)]).toEqual([3, false]);

  const unasked = care('trust', 'hosts.yml', 'test-trixie');
  expect([unasked.status, existsSync(knownHosts)]).toEqual([64, false]);
  expect(unasked.stderr).toContain('--fingerprint');

  const right = care('trust', 'hosts.yml', ...fingerprints.flatMap((each) => ['--fingerprint', each]));
  expect([right.status, right.stderr]).toEqual([0, '']);
  expect(readFileSync(knownHosts, 'utf8').trim().split('\n')).toHaveLength(2);
  expect(care('trust', 'hosts.yml').stdout).toBe('test-trixie: already trusted\ntest-bookworm: already trusted\n');

  expect(care('run', 'hosts.yml', 'all', '-m', 'ping').status).toBe(0);
  const facts = JSON.parse(care('facts', 'hosts.yml').stdout) as Record<string, { distribution_release: string }>;
  expect(Object.entries(facts).map(([host, known]) => [host, known.distribution_release])).toEqual([['test-bookworm', 'bookworm'], ['test-trixie', 'trixie']]);
});
