import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Diagnostic } from '../../src/support/diagnostic.ts';
import { Secret } from '../../src/support/secret.ts';
import { attach, rawScript, sh } from '../../src/support/shell.ts';
import { createConnector } from '../../src/transport/index.ts';
import { addTrusted, fetchHostKeys } from '../../src/transport/trust.ts';
import type { Connection, ConnectionTarget, Connector, Outcome } from '../../src/transport/types.ts';
import { makeKey, SSHD, startProxy, startSshd, type Sshd } from './sshd.ts';

const me = userInfo().username;
let dir = '';
let one: Sshd;
let two: Sshd;
let connector: Connector;
const warnings: string[] = [];

function target(server: { readonly port: number }, more: Partial<ConnectionTarget> = {}): ConnectionTarget {
  return {
    name: 'web1', connection: 'ssh', address: '127.0.0.1', port: server.port, user: me, privateKeyFile: join(dir, 'id'),
    password: undefined, sshArgs: ['-o', 'IdentityAgent=none', '-o', 'IdentitiesOnly=yes'], connectTimeoutSeconds: 10, knownHostsFiles: [join(dir, 'known_hosts')], ...more,
  };
}

async function run(connection: Connection, script: string): Promise<Outcome> {
  return (await connection.runner(undefined)).run({ script: rawScript(script), timeoutSeconds: 30 });
}

async function refusal(promise: Promise<unknown>): Promise<Diagnostic> {
  const error: unknown = await promise.then(() => undefined, (e: unknown) => e);
  if (error instanceof Diagnostic) return error;
  throw new Error(`expected a Diagnostic, got ${String(error)}`);
}

function knownLine(server: Sshd, marker = ''): string {
  return `${marker}[127.0.0.1]:${String(server.port)} ${server.publicKey}\n`;
}

describe.skipIf(!existsSync(SSHD))('SSH to a private sshd', () => {
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'care-ssh-'));
    chmodSync(dir, 0o755);
    makeKey(join(dir, 'id'), 'ed25519');
    makeKey(join(dir, 'stranger'), 'ed25519');
    makeKey(join(dir, 'encrypted'), 'ed25519', 'passphrase');
    one = await startSshd(dir, 'one', join(dir, 'id.pub'), ['MaxStartups 3:60:6']);
    two = await startSshd(dir, 'two', join(dir, 'id.pub'), ['MaxSessions 1']);
    writeFileSync(join(dir, 'known_hosts'), knownLine(one) + knownLine(two));
    connector = createConnector({ log: (message) => warnings.push(message) });
  });
  afterAll(async () => {
    await connector.close();
    one.stop();
    two.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('runs scripts, forwards streams, reads files', async () => {
    const connection = await connector.connect(target(one));
    const bytes = randomBytes(300_000);
    const runner = await connection.runner(undefined);
    const outcome = await runner.run({ script: sh`cat ${attach(bytes)}; exit 7`, timeoutSeconds: 20, environment: { LANG: 'C' } });
    expect(outcome.status).toBe(7);
    expect(outcome.stdout.equals(bytes)).toBe(true);
    expect(connection.traffic?.()?.sent).toBeGreaterThan(300_000);
    expect(connection.traffic?.()?.sent).toBeLessThan(330_000);
    const stream = await connection.forward('127.0.0.1', two.port);
    expect(await new Promise<string>((resolve) => stream.once('data', (chunk: Buffer) => { resolve(chunk.toString()); }))).toMatch(/^SSH-2.0-OpenSSH/);
    stream.destroy();
    expect(await refusal(connection.forward('127.0.0.1', 1)), 'a closed port does not make the host unreachable').toMatchObject({ code: 'forward-failed', kind: 'failed' });
    const chunks: Buffer[] = [];
    for await (const chunk of await connection.download(join(dir, 'id.pub'), undefined)) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks)).toEqual(readFileSync(join(dir, 'id.pub')));
    await connection.close();
    expect((await refusal(connection.runner(undefined))).code).toBe('connection-closed');
  });

  it('uploads more than 1 MiB on a channel of its own', async () => {
    const connection = await connector.connect(target(one));
    const bytes = randomBytes(5 * 1024 * 1024);
    const outcome = await (await connection.runner(undefined)).run({ script: sh`cat ${attach(bytes)}`, timeoutSeconds: 30, outputLimit: 6 * 1024 * 1024 });
    expect(outcome.stdout.equals(bytes)).toBe(true);
    await connection.close();
    const narrow = await connector.connect(target(two));
    const refused = await refusal((await narrow.runner(undefined)).run({ script: sh`cat ${attach(bytes)}`, timeoutSeconds: 30 }));
    expect([refused.code, refused.remedy]).toEqual(['channel-refused', expect.stringContaining('MaxSessions')]);
    await narrow.close();
  });

  it('refuses hosts that are unknown, changed or revoked, with fingerprint, place and remedy', async () => {
    const file = join(dir, 'strange');
    writeFileSync(file, '');
    const unknown = await refusal(connector.connect(target(one, { knownHostsFiles: [file] })));
    expect([unknown.code, unknown.kind]).toEqual(['host-key-unknown', 'unreachable']);
    expect(unknown.detail).toMatch(/ssh-ed25519 SHA256:[A-Za-z0-9+/]{43}/);
    expect(unknown.remedy).toContain('care-provision trust INVENTORY web1');
    writeFileSync(file, `\n${knownLine(one).replace(one.publicKey, two.publicKey)}`);
    const changed = await refusal(connector.connect(target(one, { knownHostsFiles: [file] })));
    expect([changed.code, changed.remedy]).toEqual(['host-key-changed', expect.stringContaining('trust INVENTORY web1 --replace')]);
    expect(changed.detail).toContain(`${file}:2`);
    writeFileSync(file, knownLine(one) + knownLine(one, '@revoked '));
    expect((await refusal(connector.connect(target(one, { knownHostsFiles: [file] })))).code).toBe('host-key-revoked');
    writeFileSync(file, knownLine(one, '@cert-authority '));
    expect((await refusal(connector.connect(target(one, { knownHostsFiles: [file] })))).code).toBe('host-certificates-unsupported');
    const lax = target(one, { knownHostsFiles: [file], sshArgs: ['-o', 'StrictHostKeyChecking=no'] });
    expect((await refusal(connector.connect(lax))).code).toBe('host-certificates-unsupported');
    expect(warnings.join()).toContain('StrictHostKeyChecking=no is not honoured');
  });

  it('learns the keys of a host and then trusts it, hashed, by its RSA key alone', async () => {
    const offered = await fetchHostKeys(target(one));
    expect(offered.keys.map((k) => k.keyType)).toEqual(['ssh-ed25519', 'ssh-rsa']);
    const file = join(dir, 'learnt');
    await addTrusted(file, offered.keys.filter((k) => k.keyType === 'ssh-rsa'), { hash: true, replace: false });
    expect(readFileSync(file, 'utf8')).toMatch(/^\|1\|/);
    const connection = await connector.connect(target(one, { knownHostsFiles: [file] }));
    await connection.close();
  });

  it('explains why a login failed', async () => {
    const stranger = await refusal(connector.connect(target(one, { privateKeyFile: join(dir, 'stranger') })));
    expect([stranger.code, stranger.kind]).toEqual(['authentication-failed', 'unreachable']);
    expect(stranger.detail).toContain(`tried: key ${join(dir, 'stranger')}`);
    const encrypted = await refusal(connector.connect(target(one, { privateKeyFile: join(dir, 'encrypted') })));
    expect([encrypted.code, encrypted.remedy]).toEqual(['encrypted-key', expect.stringContaining('ssh-add')]);
    const password = await refusal(connector.connect(target(one, { privateKeyFile: join(dir, 'absent'), password: new Secret('wrong-password') })));
    expect(password.detail).toContain('tried: password');
    expect(password.format()).not.toContain('wrong-password');
    expect(password.detail).toContain('absent cannot be read');
  });

  it('explains what cannot be reached', async () => {
    expect((await refusal(connector.connect(target({ port: 1 })))).message).toMatch(/cannot connect to 127.0.0.1 port 1: .*ECONNREFUSED/);
    expect((await refusal(connector.connect(target(one, { address: 'no-such-host.invalid' })))).code).toBe('cannot-connect');
    expect((await refusal(connector.connect(target(one, { sshArgs: ['-o', 'Foo=1'] })))).kind).toBe('bad-input');
    expect((await refusal(connector.connect(target(one), AbortSignal.abort()))).kind).toBe('interrupted');
  });

  it('shares one bastion connection, verifies its key, and retries handshakes that sshd drops', async () => {
    const logins = (): number => one.log().split('Accepted publickey').length - 1;
    const before = logins();
    const jump = ['-o', 'IdentityAgent=none', '-J', `${me}@127.0.0.1:${String(one.port)}`];
    const connections = await Promise.all(Array.from({ length: 6 }, (_, i) => connector.connect(target(two, { name: `web${String(i)}`, sshArgs: jump }))));
    const outcomes = await Promise.all(connections.map((c) => run(c, 'echo "$SSH_CONNECTION"')));
    expect(outcomes.every((o) => o.stdout.toString().includes(` ${String(two.port)}`))).toBe(true);
    expect(logins() - before).toBe(1);
    await Promise.all(connections.map((c) => c.close()));

    const file = join(dir, 'only-two');
    writeFileSync(file, knownLine(two));
    const fresh = createConnector();
    const strange = await refusal(fresh.connect(target(two, { sshArgs: jump, knownHostsFiles: [file] })));
    expect([strange.code, strange.message]).toEqual(['host-key-unknown', expect.stringContaining(`[127.0.0.1]:${String(one.port)}`)]);
    // A chain of two: one, two, one again.
    const chain = await fresh.connect(target(one, { sshArgs: ['-o', 'IdentityAgent=none', '-o', `ProxyJump=${me}@127.0.0.1:${String(one.port)},${me}@127.0.0.1:${String(two.port)}`] }));
    expect((await run(chain, 'echo through')).stdout.toString()).toBe('through\n');
    await chain.close();
    await fresh.close();
    // MaxStartups 3:60:6 drops some of these.
    const many = await Promise.all(Array.from({ length: 12 }, (_, i) => connector.connect(target(one, { name: `m${String(i)}` }))));
    await Promise.all(many.map((c) => c.close()));
    expect(many).toHaveLength(12);
  });

  it('reads an ssh configuration through ssh -G; what the inventory says wins', async () => {
    const file = join(dir, 'ssh_config');
    writeFileSync(file, `Host alias\n HostName 127.0.0.1\n Port ${String(two.port)}\n User nobody-at-all\n IdentityFile ${join(dir, 'id')}\n IdentityAgent none\n ProxyJump ${me}@127.0.0.1:${String(one.port)}\nHost *\n IdentityFile ${join(dir, 'id')}\n`);
    const connection = await connector.connect(target({ port: 22 }, { address: 'alias', privateKeyFile: undefined, sshArgs: ['-F', file] }));
    expect((await run(connection, 'echo "$SSH_CONNECTION"')).stdout.toString()).toContain(` ${String(two.port)}`);
    await connection.close();
  });

  it('a lost connection is unreachable, ends the script, and reconnects', async () => {
    const proxy = await startProxy(one.port, 0);
    writeFileSync(join(dir, 'proxied'), knownLine({ ...one, port: proxy.port }));
    const connection = await connector.connect(target(proxy, { knownHostsFiles: [join(dir, 'proxied')] }));
    const mark = join(dir, 'mark');
    const lost = refusal(run(connection, `echo $$ >${mark}; sleep 60`));
    while (!existsSync(mark) || readFileSync(mark, 'utf8') === '') await sleep(20);
    proxy.cut();
    expect(await lost).toMatchObject({ kind: 'unreachable', code: 'connection-lost' });
    const pid = readFileSync(mark, 'utf8').trim();
    const deadline = Date.now() + 8000;
    while (existsSync(`/proc/${pid}`) && !readFileSync(`/proc/${pid}/status`, 'utf8').includes('State:\tZ') && Date.now() < deadline) await sleep(50);
    expect(Date.now()).toBeLessThan(deadline);
    expect((await refusal(run(connection, 'true'))).kind).toBe('unreachable');

    expect((await refusal(connection.reconnect({ waitSeconds: 1 }))).code).toBe('did-not-come-back');
    const back = connection.reconnect({ waitSeconds: 20 });
    await sleep(700);
    await proxy.open();
    await back;
    expect((await run(connection, 'echo again')).stdout.toString()).toBe('again\n');
    await connection.close();
    proxy.close();
  });

  it('costs at most two turns more than running true', async () => {
    const delay = 60;
    const proxy = await startProxy(one.port, delay);
    writeFileSync(join(dir, 'delayed'), knownLine({ ...one, port: proxy.port }));
    const bare = await new Promise<number>((resolve, reject) => {
      const began = performance.now();
      const client = new ssh2.Client();
      client.on('error', reject);
      client.on('ready', () => {
        client.exec('true', (error, channel) => {
          if (error !== undefined) {
            reject(error);
            return;
          }
          channel.resume();
          channel.on('exit', () => {
            resolve(performance.now() - began);
            client.end();
          });
        });
      });
      client.connect({ sock: createConnection({ host: '127.0.0.1', port: proxy.port, noDelay: true }), username: me, privateKey: readFileSync(join(dir, 'id')), hostVerifier: () => true });
    });
    const began = performance.now();
    const connection = await connector.connect(target(proxy, { knownHostsFiles: [join(dir, 'delayed')] }));
    expect((await run(connection, 'true')).status).toBe(0);
    const ours = performance.now() - began;
    const chained = performance.now();
    await (await connection.runner(undefined)).chain(Array.from({ length: 10 }, () => ({ script: rawScript('true'), timeoutSeconds: 9 })));
    const chain = performance.now() - chained;
    await connection.close();
    proxy.close();
    // One turn: the request follows when the channel is there; the rest is the runner's own start.
    expect((ours - bare) / (2 * delay)).toBeLessThan(2);
    // Ten scripts in one turn, not ten.
    expect(chain).toBeLessThan(2 * delay * 4);
  });
});
