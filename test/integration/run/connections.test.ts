/** Hosts that cannot be reached, logged in to, or become on: each alone fails, with a message that says what to do. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../../src/lab/index.ts';
import { dockerTry } from '../../../src/lab/docker.ts';
import { Secret } from '../../../src/support/secret.ts';
import { eventually, hostVariables, inventoryOf, labProject, onHost, troubleOf, type LabProject } from '../support/lab-project.ts';
import { sharedLab } from '../support/lab.ts';

let lab: Lab;
let project: LabProject | undefined;
beforeAll(async () => { lab = await sharedLab(); });
afterEach(() => { project?.remove(); project = undefined; });

const PLAYBOOK = '- hosts: all\n  tasks:\n    - { name: the task, copy: { dest: /root/reached, content: "{{ inventory_hostname }}", mode: "0600" } }\n    - { file: { path: /root/reached, state: absent } }\n';

/** A run on a good host, and one that is the same but for some variables. */
async function beside(bad: Readonly<Record<string, string | number>>, options: Parameters<LabProject['run']>[0] = {}): Promise<{ status: number; good: unknown; trouble: string }> {
  project = labProject({ 'playbook.yml': PLAYBOOK, 'inventory.yml': inventoryOf({ good: hostVariables(lab, 'test-trixie'), bad: hostVariables(lab, 'test-bookworm', bad) }) });
  const result = await project.run(options);
  const good = result.summary?.hosts['good'];
  return { status: result.status, good: good && { changed: good.changed, failed: good.failed, unreachable: good.unreachable }, trouble: troubleOf(result, 'bad') };
}
const FINE = { changed: 2, failed: 0, unreachable: 0 };

describe('connections', () => {
  it('closed port', async () => {
    expect(await beside({ ansible_port: 2 })).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: .*ECONNREFUSED[^]*To do: /) as unknown });
  });

  it('a host that hangs, then one that is down', async () => {
    const name = `${lab.state.name}.test-bookworm`;
    await dockerTry(['pause', name]);
    try {
      expect(await beside({ ansible_timeout: 2 })).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: .*[^]*To do: /) as unknown });
    } finally {
      await dockerTry(['unpause', name]);
    }
    await dockerTry(['stop', name], { timeoutMs: 60_000 });
    try {
      expect(await beside({ ansible_timeout: 2 })).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: .*[^]*To do: /) as unknown });
    } finally {
      await dockerTry(['start', name]);
      await eventually(async () => (await dockerTry(['exec', name, 'systemctl', 'is-active', 'ssh'])).stdout.trim() === 'active', 60_000, () => 'sshd is back');
    }
  });

  it('a key that the host does not know', async () => {
    project = labProject({});
    const key = path.join(project.dir, 'stranger');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const { SSH_AUTH_SOCK: agent, ...rest } = process.env;
    process.env = rest;
    try {
      expect(await beside({ ansible_ssh_private_key_file: key })).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: care@.* did not let us in[^]*tried: key [^]*the server takes: publickey[^]*To do: /) as unknown });
    } finally {
      if (agent !== undefined) process.env['SSH_AUTH_SOCK'] = agent;
    }
  });

  it('an unknown host key, and a changed one', async () => {
    project = labProject({});
    const known = path.join(project.dir, 'known_hosts');
    writeFileSync(known, '');
    const args = `-F /dev/null -o UserKnownHostsFile=${known} -o GlobalKnownHostsFile=/dev/null`;
    const unknown = await beside({ ansible_ssh_common_args: args });
    expect(unknown).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: [^]*SHA256:[^]*To do: [^]*care-provision trust/) as unknown });
    project.remove();
    project = labProject({});
    const other = path.join(project.dir, 'other');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    const address = String(hostVariables(lab, 'test-bookworm')['ansible_host']);
    const file = path.join(project.dir, 'known_hosts');
    writeFileSync(file, `${address} ${readFileSync(`${other}.pub`, 'utf8')}`);
    const changed = await beside({ ansible_ssh_common_args: `-F /dev/null -o UserKnownHostsFile=${file} -o GlobalKnownHostsFile=/dev/null` });
    expect(changed).toEqual({ status: 4, good: FINE, trouble: expect.stringMatching(/^unreachable: the connection: bad: [^]*chang[^]*known_hosts:1[^]*To do: [^]*trust INVENTORY bad --replace/) as unknown });
  });
});

describe('become', () => {
  it('sudo that wants a password: none given, a wrong one, the right one', async () => {
    const right = (await onHost(lab, 'test-bookworm', 'true')) + readFileSync(path.join(lab.paths.directory, 'carepw.password'), 'utf8').trim();
    expect(await beside({ ansible_user: 'carepw' })).toEqual({ status: 3, good: FINE, trouble: expect.stringMatching(/^failed: the connection: bad: carepw cannot become root: sudo asks for a password[^]*To do: .*--ask-become-pass/) as unknown });
    const wrong = await beside({ ansible_user: 'carepw', ansible_become_password: 'notit-6172' });
    expect(wrong).toEqual({ status: 3, good: FINE, trouble: expect.stringMatching(/^failed: the connection: bad: carepw cannot become root: sudo refused the password[^]*To do: /) as unknown });
    expect(wrong.trouble).not.toContain('notit-6172');
    expect(await beside({ ansible_user: 'carepw' }, { becomePassword: new Secret(right) })).toMatchObject({ status: 0, trouble: '' });
  });

  it('a user whom sudo does not allow', async () => {
    await onHost(lab, 'test-bookworm', 'id nosudo >/dev/null 2>&1 || useradd -m -s /bin/sh nosudo; install -d -m 700 -o nosudo ~nosudo/.ssh; install -m 600 -o nosudo ~care/.ssh/authorized_keys ~nosudo/.ssh/authorized_keys');
    try {
      expect(await beside({ ansible_user: 'nosudo', ansible_become_password: 'whatever-1' })).toEqual({ status: 3, good: FINE, trouble: expect.stringMatching(/^failed: the connection: bad: nosudo cannot become root: [^]*To do: /) as unknown });
      // Without become there is nothing to allow: reading works, the host lock does not stand in the way.
      project?.remove();
      project = labProject({ 'playbook.yml': '- hosts: all\n  tasks:\n    - { command: id -un, register: me, changed_when: false }\n    - { copy: { dest: "/home/nosudo/mine", content: x, mode: "0600" } }\n', 'inventory.yml': inventoryOf({ bad: hostVariables(lab, 'test-bookworm', { ansible_user: 'nosudo', ansible_become: 'false' }) }) });
      const plain = await project.run();
      expect([plain.status, troubleOf(plain, 'bad')]).toEqual([0, '']);
    } finally {
      await onHost(lab, 'test-bookworm', 'loginctl terminate-user nosudo 2>/dev/null; sleep 0.5; userdel -rf nosudo 2>/dev/null; true');
    }
  });
});
