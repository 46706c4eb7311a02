/** A member whose seal is a key of another OpenBao (`vault_seal: transit`): by the role's own configuration file, against the real program twice. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createScope } from '../../src/language/scope.ts';
import { readSourceFile } from '../../src/language/yaml.ts';
import { renderText } from '../../src/language/template/index.ts';
import { VaultClient } from '../../src/services/vault/client.ts';
import { lookAtMember, type MemberSeen } from '../../src/services/vault/status.ts';
import { Secret } from '../../src/support/secret.ts';
import { readAuthority } from '../../src/support/x509/authority.ts';
import { issueCertificate } from '../../src/support/x509/issue.ts';
import { eventually } from './support/lab-project.ts';
import { freePort } from '../support/free-port.ts';
import { hasOpenBao, LIMITS, program, startOpenBao, type OpenBao } from './support/openbao.ts';

const TEMPLATE = path.join(import.meta.dirname, '..', '..', 'roles', 'vault', 'templates', 'vault.hcl.hbs');
const Token = z.object({ auth: z.object({ client_token: z.string() }) });
const Initialised = z.object({ recovery_keys_base64: z.array(z.string()), root_token: z.string() });

let other: OpenBao;
let dir = '';
let port = 0;
let ca = '';
let token = '';
let running: ChildProcess | undefined;

/** As role vault writes it, with one member on the loopback. */
function configuration(): string {
  const pki = path.join(dir, 'pki');
  const values = {
    vault_flavor: 'openbao', vault_cluster_name: 'care', vault_address: '127.0.0.1', vault_port: port, vault_cluster_port: port + 1, vault_metrics_port: port + 2, vault_lease_ttl_hours: 24, vault_lease_max_hours: 768,
    vault_standby_reads: false, vault_generate_root: false, vault_pki_dir: pki, vault_data_dir: dir, vault_audit_dir: dir, vault_audit_syslog: false, inventory_hostname: 'one',
    vault_members: [{ name: 'one', address: '127.0.0.1' }], vault_seal: 'transit', vault_transit_address: other.url, vault_transit_mount: 'transit/', vault_transit_key: 'unseal', vault_transit_ca: path.join(pki, 'other.crt'),
  };
  const text = renderText(readSourceFile(TEMPLATE), createScope([{ values, templated: false }]));
  return text instanceof Secret ? text.reveal() : text;
}

function client(auth: ConstructorParameters<typeof VaultClient>[0]['auth']): VaultClient {
  return new VaultClient({ at: { host: '127.0.0.1', port, ca }, auth, namespace: '' }, () => Promise.resolve({ forward: (host, at) => new Promise((resolve, reject) => { const socket = connect(at, host, () => { resolve(socket); }); socket.once('error', reject); }) }));
}

/** The token comes in the environment, as in the unit. */
function start(): void {
  running = spawn(path.join(dir, 'bao'), ['server', `-config=${path.join(dir, 'vault.hcl')}`], { stdio: 'ignore', env: { PATH: process.env['PATH'], BAO_TOKEN: token } });
}

async function stop(): Promise<void> {
  const child = running;
  running = undefined;
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => { child.once('exit', () => { resolve(); }); });
  child.kill('SIGKILL');
  await ended;
}

async function look(): Promise<MemberSeen> {
  const asking = client({ type: 'none' });
  try {
    return await lookAtMember('one', asking, LIMITS);
  } finally {
    await asking.close();
  }
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    other = await startOpenBao();
    await other.root.write('sys/mounts/transit', { type: 'transit' }, LIMITS);
    await other.root.write('transit/keys/unseal', {}, LIMITS);
    await other.root.write('sys/policies/acl/unseal', { policy: 'path "transit/encrypt/unseal" { capabilities = ["update"] }\npath "transit/decrypt/unseal" { capabilities = ["update"] }\n' }, LIMITS);
    token = Token.parse(await other.root.write('auth/token/create', { policies: ['unseal'], no_parent: true, period: '24h' }, LIMITS)).auth.client_token;
    dir = mkdtempSync(path.join(tmpdir(), 'care-transit-'));
    mkdirSync(path.join(dir, 'pki'));
    mkdirSync(path.join(dir, 'raft'));
    port = await freePort();
    const signer = readAuthority(readFileSync(other.authorityFile, 'utf8'));
    const issuer = signer.current;
    ca = issuer.certificate.pem;
    const now = Math.floor(Date.now() / 1000);
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const cert = issueCertificate({ publicKey, subject: { common_name: 'one' }, sans: ['IP:127.0.0.1'], usages: ['server'], notBefore: now - 60, notAfter: now + 86_400, serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key });
    writeFileSync(path.join(dir, 'pki', 'server.crt'), cert);
    writeFileSync(path.join(dir, 'pki', 'server.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    writeFileSync(path.join(dir, 'pki', 'other.crt'), ca);
    writeFileSync(path.join(dir, 'vault.hcl'), configuration());
    copyFileSync(program(), path.join(dir, 'bao'));
    chmodSync(path.join(dir, 'bao'), 0o755);
  });
  afterAll(async () => {
    await stop();
    rmSync(dir, { recursive: true, force: true });
    await other.stop();
  });

  it('is initialised with recovery shares, opens by itself after each start, and waits while the other cluster is sealed', async () => {
    start();
    await eventually(async () => (await look()).seal !== undefined, 30_000, () => 'it does not answer');
    const anybody = client({ type: 'none' });
    const made = Initialised.parse(await anybody.write('sys/init', { recovery_shares: 3, recovery_threshold: 2 }, LIMITS));
    await anybody.close();
    expect(made.recovery_keys_base64).toHaveLength(3);
    await eventually(async () => (await look()).active, 30_000, () => 'it does not open by itself');
    expect((await look()).seal).toMatchObject({ type: 'transit', sealed: false });
    const root = client({ type: 'token', token: new Secret(made.root_token) });
    await root.write('sys/mounts/kv', { type: 'kv' }, LIMITS);
    await root.write('kv/canary', { v: 'there before' }, LIMITS);
    await root.close();

    await stop();
    start();
    await eventually(async () => (await look()).active, 30_000, () => 'it does not open after a start');

    // The other one is sealed: this one can't open, and says so by not being open. Nothing is lost by it.
    await stop();
    await other.root.write('sys/seal', {}, LIMITS);
    start();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect((await look()).active).toBe(false);
    const opener = other.client({ type: 'none' });
    await opener.write('sys/unseal', { key: other.share.reveal() }, LIMITS);
    await opener.close();
    // The unit starts it again when it has given up (Restart=always).
    await eventually(async () => {
      if (running?.exitCode !== null && running?.exitCode !== undefined) start();
      return (await look()).active;
    }, 60_000, () => 'it does not open once the other one is');
    const again = client({ type: 'token', token: new Secret(made.root_token) });
    expect(await again.read('kv/canary', LIMITS)).toEqual({ v: 'there before' });
    await again.close();
  });
});
