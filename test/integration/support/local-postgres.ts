/** A PostgreSQL on this machine's loopback, only reached with TLS and a password: for a server beside it that makes logins there. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Authority } from '../../../src/support/x509/authority.ts';
import { issueCertificate } from '../../../src/support/x509/issue.ts';
import { eventually } from './lab-project.ts';
import { freePort } from '../../support/free-port.ts';

const ROOT = '/usr/lib/postgresql';

function binaries(): string | undefined {
  const versions = existsSync(ROOT) ? readdirSync(ROOT).filter((name) => existsSync(path.join(ROOT, name, 'bin', 'initdb'))) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : path.join(ROOT, newest, 'bin');
}

/** Whether the programs are on this machine (Debian's package postgresql). */
export function hasPostgres(): boolean {
  return binaries() !== undefined;
}

export interface LocalPostgres {
  readonly port: number;
  /** PEM of the CA, for `sslrootcert`. */
  readonly caFile: string;
  readonly superuser: string;
  readonly password: string;
  /** SQL over TLS. @returns standard output, trimmed, and the exit status */
  readonly sql: (user: string, password: string, text: string) => { readonly status: number | null; readonly out: string };
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: then it is the package's own user. */
function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const told = spawnSync('id', ['-u', 'postgres'], { encoding: 'utf8' });
  const group = spawnSync('id', ['-g', 'postgres'], { encoding: 'utf8' });
  return { uid: Number(told.stdout), gid: Number(group.stdout) };
}

export async function startPostgres(signer: Authority): Promise<LocalPostgres> {
  const bin = binaries();
  if (bin === undefined) throw new Error('no PostgreSQL on this machine');
  const as = unprivileged();
  const dir = mkdtempSync('/tmp/care-pg-');
  const own = (file: string): void => { if (as !== undefined) chownSync(file, as.uid, as.gid); };
  const write = (name: string, text: string | Buffer): string => {
    const file = path.join(dir, name);
    writeFileSync(file, text, { mode: 0o600 });
    own(file);
    return file;
  };
  own(dir);
  const now = Math.floor(Date.now() / 1000);
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const issuer = signer.current;
  const cert = write('server.crt', issueCertificate({ publicKey, subject: { common_name: 'pg' }, sans: ['IP:127.0.0.1'], usages: ['server'], notBefore: now - 60, notAfter: now + 86_400, serial: randomBytes(16), issuer: issuer.certificate, issuerKey: issuer.key }));
  const key = write('server.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const caFile = write('ca.crt', issuer.certificate.pem);
  const password = randomBytes(12).toString('hex');
  const data = path.join(dir, 'data');
  const made = spawnSync(path.join(bin, 'initdb'), ['-D', data, '-U', 'owner', '--auth=scram-sha-256', `--pwfile=${write('password', password)}`, '--no-sync'], { ...as, encoding: 'utf8', cwd: dir });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  writeFileSync(path.join(data, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n');
  const port = await freePort();
  const server: ChildProcess = spawn(path.join(bin, 'postgres'), ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${dir}`, '-c', 'ssl=on', '-c', `ssl_cert_file=${cert}`, '-c', `ssl_key_file=${key}`, '-c', 'fsync=off'], { ...as, cwd: dir, stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => { server.once('exit', () => { resolve(); }); });
  const sql = (user: string, pass: string, text: string): { readonly status: number | null; readonly out: string } => {
    const asked = spawnSync(path.join(bin, 'psql'), ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text, `host=127.0.0.1 port=${String(port)} dbname=postgres user=${user} sslmode=verify-full sslrootcert=${caFile} connect_timeout=5`], { env: { PATH: process.env['PATH'], PGPASSWORD: pass }, encoding: 'utf8', timeout: 20_000 });
    return { status: asked.status, out: `${asked.stdout}${asked.stderr}`.trim() };
  };
  const stop = async (): Promise<void> => {
    server.kill('SIGINT');
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await eventually(() => sql('owner', password, 'SELECT 1').out === '1', 30_000, () => 'PostgreSQL does not answer');
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, caFile, superuser: 'owner', password, sql, stop };
}
