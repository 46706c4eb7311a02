/** The program as it is bundled talks to an sshd that has one kind of cipher only: the bundle makes what each needs late. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeKey, startSshd } from '../sshd.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'bin', 'care-provision');

test.each(['chacha20-poly1305@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr'])('%s', async (cipher) => {
  const directory = mkdtempSync(join(tmpdir(), 'care-ciphers-'));
  makeKey(join(directory, 'key'), 'ed25519');
  const sshd = await startSshd(directory, 'sshd', join(directory, 'key.pub'), [`Ciphers ${cipher}`, 'PermitRootLogin yes']);
  try {
    writeFileSync(join(directory, 'known_hosts'), `[127.0.0.1]:${String(sshd.port)} ${sshd.publicKey}\n`);
    writeFileSync(join(directory, 'hosts.yml'), `all:\n  vars:\n    ansible_user: ${userInfo().username}\n    ansible_ssh_private_key_file: ${join(directory, 'key')}\n    ansible_ssh_common_args: -F /dev/null -o UserKnownHostsFile=${join(directory, 'known_hosts')}\n  hosts:\n    here: { ansible_host: 127.0.0.1, ansible_port: ${String(sshd.port)} }\n`);
    const ran = spawnSync(program, ['run', 'hosts.yml', 'all', '-m', 'command', '-a', 'head -c 300000 /dev/zero'], { encoding: 'utf8', cwd: directory, env: { ...process.env, CARE_STATE: join(directory, 'state') }, timeout: 60_000 });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
  } finally {
    sshd.stop();
    rmSync(directory, { recursive: true });
  }
});
