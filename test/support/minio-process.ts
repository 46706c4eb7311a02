/**
 * The real MinIO as one process on this machine's loopback, over TLS, for tests that need a store and no hosts. The program was built from source
 * into the artefact cache beforehand (`care-provision artifacts fetch minio`).
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { findArtifact } from '../../src/artifacts/catalogue.ts';
import { loadCatalogue } from '../../src/language/artifact-catalogue.ts';
import { Caller, type Account, type Store } from '../drills/support/s3-contract.ts';
import { eventually } from '../integration/support/lab-project.ts';
import { freePort } from './free-port.ts';

const found = findArtifact(loadCatalogue([]), 'minio', '2026-02-12');
const program = cachedPath(cacheDirectory(), found.type === 'found' ? (found.artifact.sha256['linux/amd64'] ?? '') : '');
export const hasMinio = existsSync(program);
/** The key of its SSE-S3, in base64. */
export const MINIO_KMS_KEY = 'MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=';

export interface MinioProcess {
  readonly folder: string;
  readonly port: number;
  readonly store: Store;
  /** File of the certificate that it shows, which is its own CA. */
  readonly caFile: string;
  readonly root: Caller;
  readonly stop: () => Promise<void>;
}

/** Starts one, and waits until it answers; `stop` takes away all of it. */
export async function minioProcess(root: Account): Promise<MinioProcess> {
  const folder = mkdtempSync(path.join(tmpdir(), 'minio-process-'));
  const certs = path.join(folder, 'certs');
  mkdirSync(certs);
  const caFile = path.join(certs, 'public.crt');
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=s3-contract', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:s3.care.test', '-keyout', path.join(certs, 'private.key'), '-out', caFile], { stdio: 'ignore' });
  const minio = path.join(folder, 'minio');
  copyFileSync(program, minio);
  chmodSync(minio, 0o755);
  const port = await freePort();
  // MINIO_CI_CD lets drives be folders of one file system; nothing else is another way than on real drives.
  const env = { PATH: process.env['PATH'], HOME: folder, MINIO_CI_CD: '1', MINIO_UPDATE: 'off', MINIO_BROWSER: 'off', MINIO_CALLHOME_ENABLE: 'off', MINIO_PROMETHEUS_AUTH_TYPE: 'jwt', MINIO_ROOT_USER: root.name, MINIO_ROOT_PASSWORD: root.key, MINIO_KMS_SECRET_KEY: `care-minio:${MINIO_KMS_KEY}` };
  const server = spawn(minio, ['server', '--quiet', '--address', `127.0.0.1:${String(port)}`, '--certs-dir', certs, path.join(folder, 'drive{1...4}')], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text: Buffer) => { said += text.toString(); });
  const store: Store = { endpoint: `https://s3.care.test:${String(port)}`, region: 'us-east-1', ca: readFileSync(caFile, 'utf8'), root, address: () => '127.0.0.1' };
  const caller = new Caller(store, root);
  const stop = async (): Promise<void> => {
    await caller.close();
    if (server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await eventually(async () => (await caller.status('GET', '/').catch(() => 0)) === 200, 60_000, () => said);
  } catch (error) {
    await stop();
    throw error;
  }
  return { folder, port, store, caFile, root: caller, stop };
}
