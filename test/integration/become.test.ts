/**
 * A real sudo under a real sshd, with users that exist in a private mount namespace only: nothing of this
 * machine's /etc is touched. Needs root, unshare and sudo; skipped where one is missing.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Secret } from '../../src/support/secret.ts';
import { attach, rawScript, sh } from '../../src/support/shell.ts';
import { createConnector } from '../../src/transport/index.ts';
import type { Become, Connection, Connector } from '../../src/transport/types.ts';
import { makeKey, SSHD, startSshd, type Sshd } from './sshd.ts';

const possible = process.getuid?.() === 0 && existsSync(SSHD) && existsSync('/usr/bin/sudo') && spawnSync('unshare', ['-m', 'true']).status === 0;
const PASSWORD = 'Correct-horse-1';
let dir = '';
let sshd: Sshd;
let connector: Connector;

function connect(user: string): Promise<Connection> {
  return connector.connect({
    name: 'web1', connection: 'ssh', address: '127.0.0.1', port: sshd.port, user, privateKeyFile: join(dir, 'id'), password: undefined,
    sshArgs: ['-o', 'IdentityAgent=none'], connectTimeoutSeconds: 20, knownHostsFiles: [join(dir, 'known_hosts')],
  });
}

async function who(connection: Connection, become: Become | undefined): Promise<string> {
  try {
    const outcome = await (await connection.runner(become)).run({ script: rawScript('id -un; echo "$HOME"'), timeoutSeconds: 20 });
    return outcome.stdout.toString();
  } catch (error) {
    return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : String(error);
  }
}

describe.skipIf(!possible)('become with a real sudo', () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'care-become-'));
    chmodSync(dir, 0o755);
    makeKey(join(dir, 'id'), 'ed25519');
    const hash = execFileSync('openssl', ['passwd', '-6', PASSWORD], { encoding: 'utf8' }).trim();
    const users = ['free', 'asked', 'outside', 'third'];
    writeFileSync(join(dir, 'passwd'), readFileSync('/etc/passwd', 'utf8') + users.map((u, i) => `${u}:x:${String(61000 + i)}:${String(61000 + i)}::/tmp:/bin/sh\n`).join(''));
    writeFileSync(join(dir, 'group'), readFileSync('/etc/group', 'utf8') + users.map((u, i) => `${u}:x:${String(61000 + i)}:\n`).join(''));
    writeFileSync(join(dir, 'shadow'), readFileSync('/etc/shadow', 'utf8') + users.map((u) => `${u}:${hash}:20000:0:99999:7:::\n`).join(''), { mode: 0o640 });
    writeFileSync(join(dir, 'sudoers'), 'Defaults log_output, iolog_dir=/tmp/care-iolog-%{user}\nDefaults use_pty\nfree ALL=(ALL) NOPASSWD: ALL\nasked ALL=(ALL) ALL\n', { mode: 0o440 });
    const binds = ['passwd', 'group', 'shadow', 'sudoers'].map((f) => `mount --bind ${join(dir, f)} /etc/${f}`).join(' && ');
    sshd = await startSshd(dir, 'sshd', join(dir, 'id.pub'), ['UsePAM no'], ['unshare', '-m', 'sh', '-c', `${binds} && mount -t tmpfs none /var/log && exec "$@"`, 'sh']);
    writeFileSync(join(dir, 'known_hosts'), `[127.0.0.1]:${String(sshd.port)} ${sshd.publicKey}\n`);
    connector = createConnector();
  });
  afterAll(async () => {
    await connector.close();
    sshd.stop();
    rmSync(dir, { recursive: true, force: true });
    for (const user of ['root', 'free', 'asked', 'third']) rmSync(`/tmp/care-iolog-${user}`, { recursive: true, force: true });
  });

  it('becomes root and a third user without a password, each with a runner of its own', async () => {
    const connection = await connect('free');
    expect(await who(connection, undefined)).toBe('free\n/tmp\n');
    expect(await who(connection, { user: 'root', password: undefined })).toBe('root\n/root\n');
    expect(await who(connection, { user: 'third', password: new Secret('not-asked-for') })).toBe('third\n/tmp\n');
    expect(await who(connection, { user: 'free', password: undefined })).toBe('free\n/tmp\n');
    const bytes = Buffer.alloc(1_500_000, '\0\xff\r\n', 'latin1');
    const outcome = await (await connection.runner({ user: 'third', password: undefined })).run({ script: sh`cat ${attach(bytes)}; stat -c %U ${attach(bytes)} >&2`, timeoutSeconds: 20, outputLimit: 2_000_000 });
    expect(outcome.stdout.equals(bytes)).toBe(true);
    expect(outcome.stderr.toString()).toBe('third\n');
    // The bytes above came through although sudo was recording them.
    expect(existsSync('/tmp/care-iolog-free')).toBe(true);
    await connection.close();
  });

  it('gives the password when asked, also for uploads and downloads', async () => {
    const connection = await connect('asked');
    const root: Become = { user: 'root', password: new Secret(PASSWORD) };
    expect(await who(connection, root)).toBe('root\n/root\n');
    const bytes = Buffer.alloc(1_100_000, 5);
    expect((await (await connection.runner(root)).run({ script: sh`wc -c <${attach(bytes)}`, timeoutSeconds: 20 })).stdout.toString().trim()).toBe('1100000');
    const chunks: Buffer[] = [];
    for await (const chunk of await connection.download('/etc/shadow', root)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(readFileSync(join(dir, 'shadow')));
    await connection.close();
  });

  it('explains what is missing', async () => {
    const asked = await connect('asked');
    expect(await who(asked, { user: 'root', password: undefined })).toBe('become-password-required');
    expect(await who(asked, { user: 'root', password: new Secret('wrong-password') })).toBe('become-wrong-password');
    expect(await who(asked, { user: 'root', password: new Secret(PASSWORD) })).toBe('root\n/root\n');
    await asked.close();
    const outside = await connect('outside');
    expect(await who(outside, { user: 'root', password: new Secret(PASSWORD) })).toBe('become-not-allowed');
    expect(await who(outside, { user: 'root', password: undefined })).toBe('become-password-required');
    await outside.close();
    const free = await connect('free');
    expect(await who(free, { user: 'nosuchuser', password: undefined })).toBe('become-unknown-user');
    await free.close();
  });

  it('ends what runs as another user when interrupted or timed out', async () => {
    const connection = await connect('free');
    const runner = await connection.runner({ user: 'third', password: undefined });
    expect(await runner.run({ script: rawScript('sleep 60'), timeoutSeconds: 1 })).toMatchObject({ state: 'timed-out' });
    const abort = new AbortController();
    setTimeout(() => { abort.abort(); }, 300);
    await expect(runner.run({ script: rawScript('sleep 60'), timeoutSeconds: 30 }, abort.signal)).rejects.toMatchObject({ kind: 'interrupted' });
    expect(await who(connection, { user: 'third', password: undefined })).toBe('third\n/tmp\n');
    await connection.close();
  });
});
