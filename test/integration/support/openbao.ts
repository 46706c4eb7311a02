/** A real OpenBao on this machine, one member on the loopback, initialised and open: for modules that talk to one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { get } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { cacheDirectory, cachedPath } from '../../../src/artifacts/cache.ts';
import { findArtifact } from '../../../src/artifacts/catalogue.ts';
import { loadCatalogue } from '../../../src/language/artifact-catalogue.ts';
import { setUpAccess } from '../../../src/services/vault/access.ts';
import { VaultClient } from '../../../src/services/vault/client.ts';
import type { VaultAuth } from '../../../src/services/vault/login.ts';
import { Secret } from '../../../src/support/secret.ts';
import { makeSigner, writeAuthority, type Authority } from '../../../src/support/x509/authority.ts';
import { issueCertificate } from '../../../src/support/x509/issue.ts';
import { eventually } from './lab-project.ts';
import { freePort } from '../../support/free-port.ts';

export function program(): string {
  const found = findArtifact(loadCatalogue([]), 'openbao', '2.7.2');
  return found.type === 'found' ? cachedPath(cacheDirectory(), found.artifact.sha256['linux/amd64'] ?? '') : '';
}

/** Whether the real program is at hand (care-provision artifacts fetch openbao). */
export function hasOpenBao(): boolean {
  return existsSync(program());
}

export interface OpenBao {
  readonly url: string;
  /** Files of the CAs, with their keys, as role vault keeps them. */
  readonly authorityFile: string;
  readonly operatorFile: string;
  /** The operators' CA. */
  readonly operators: Authority;
  /** The one key share that it was initialised with. */
  readonly share: Secret;
  readonly root: VaultClient;
  client(auth: VaultAuth): VaultClient;
  /** The body of a GET without a token, as a browser sends it. */
  text(at: string): Promise<string>;
  stop(): Promise<void>;
}

export const LIMITS = { signal: new AbortController().signal, timeoutSeconds: 30 };

export function authority(name: string): Authority {
  return { current: makeSigner({ subject: { common_name: name }, type: 'ec-p256', days: 30, pathLength: 1, permitted: [], rotateAtPercent: 80, overlapDays: 0, rotate: false }, Math.floor(Date.now() / 1000)), next: undefined, previous: [] };
}

const Initialised = z.object({ keys_base64: z.array(z.string()), root_token: z.string() });

export async function startOpenBao(): Promise<OpenBao> {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-openbao-'));
  const now = Math.floor(Date.now() / 1000);
  const servers = authority('servers');
  const operators = authority('operators');
  const issuer = servers.current;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const cert = issueCertificate({ publicKey, subject: { common_name: 'bao' }, sans: ['IP:127.0.0.1'], usages: ['server'], notBefore: now - 60, notAfter: now + 86_400, serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key });
  writeFileSync(path.join(dir, 'server.crt'), cert);
  writeFileSync(path.join(dir, 'server.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(path.join(dir, 'authority.pem'), writeAuthority(servers), { mode: 0o600 });
  writeFileSync(path.join(dir, 'operators.pem'), writeAuthority(operators), { mode: 0o600 });
  mkdirSync(path.join(dir, 'raft'));
  copyFileSync(program(), path.join(dir, 'bao'));
  chmodSync(path.join(dir, 'bao'), 0o755);
  const [port, clusterPort] = [await freePort(), await freePort()];
  writeFileSync(path.join(dir, 'bao.hcl'), `api_addr = "https://127.0.0.1:${String(port)}"
cluster_addr = "https://127.0.0.1:${String(clusterPort)}"
listener "tcp" {
  address = "127.0.0.1:${String(port)}"
  cluster_address = "127.0.0.1:${String(clusterPort)}"
  tls_cert_file = "${dir}/server.crt"
  tls_key_file = "${dir}/server.key"
  disable_unauthed_generate_root_endpoints = false
}
storage "raft" {
  path = "${dir}/raft"
  node_id = "one"
  performance_multiplier = 1
}
`);
  const process_: ChildProcess = spawn(path.join(dir, 'bao'), ['server', `-config=${dir}/bao.hcl`], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => { process_.once('exit', () => { resolve(); }); });
  const client = (auth: VaultAuth): VaultClient =>
    new VaultClient({ at: { host: '127.0.0.1', port, ca: issuer.certificate.pem }, auth, namespace: '' }, () => Promise.resolve({ forward: (host, at) => new Promise((resolve, reject) => { const socket = connect(at, host, () => { resolve(socket); }); socket.once('error', reject); }) }));
  const text = (at: string): Promise<string> => new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${String(port)}/v1/${at}`, { ca: issuer.certificate.pem, timeout: 30_000 }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => { chunks.push(chunk); });
      incoming.on('error', reject);
      incoming.on('end', () => { resolve(Buffer.concat(chunks).toString('utf8')); });
    }).on('error', reject);
  });
  const stop = async (): Promise<void> => {
    process_.kill('SIGKILL');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const anybody = client({ type: 'none' });
    await eventually(async () => (await anybody.read('sys/seal-status', LIMITS).catch(() => undefined)) !== undefined, 30_000, () => 'OpenBao does not answer');
    const made = Initialised.parse(await anybody.write('sys/init', { secret_shares: 1, secret_threshold: 1 }, LIMITS));
    await anybody.write('sys/unseal', { key: made.keys_base64[0] ?? '' }, LIMITS);
    await eventually(async () => (await anybody.read('sys/leader', LIMITS))?.['is_self'] === true, 30_000, () => 'it does not lead');
    await anybody.close();
    const root = client({ type: 'token', token: new Secret(made.root_token) });
    await setUpAccess(root, operators, now, LIMITS);
    return { url: `https://127.0.0.1:${String(port)}`, authorityFile: path.join(dir, 'authority.pem'), operatorFile: path.join(dir, 'operators.pem'), operators, share: new Secret(made.keys_base64[0] ?? ''), root, client, text, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
