/**
 * An API of Kubernetes without a cluster: etcd, kube-apiserver and kube-controller-manager on loopback, out of the images in the artefact cache.
 * Admission, authorisation, server-side apply, budgets and certificate signing are the real ones; there is no scheduler and no kubelet, so pods run nowhere.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { readArtifactsFile } from '../../src/language/artifact-catalogue.ts';
import type { Streams } from '../../src/services/clients.ts';
import { KubernetesClient } from '../../src/services/kubernetes/client.ts';
import { Secret } from '../../src/support/secret.ts';
import { freePort } from './free-port.ts';
import { authenticationConfiguration } from './oidc-provider.ts';

const VERSION = '1.36.3';
const PROGRAMS = { etcd: '', 'kube-apiserver': VERSION, 'kube-controller-manager': VERSION } as const;
type Program = keyof typeof PROGRAMS;
const names = Object.keys(PROGRAMS) as readonly Program[];
/** Everything ends by then, whatever becomes of the tests. */
const LIFETIME_SECONDS = 1800;

function archiveOf(program: Program): string | undefined {
  const described = path.join(cacheDirectory(), 'kubernetes-built.yml');
  const known = existsSync(described) ? (readArtifactsFile(described).artifacts ?? []) : [];
  const found = known.find((each) => each.name === `image-${program}` && each.version.startsWith(PROGRAMS[program]));
  const file = cachedPath(cacheDirectory(), found?.sha256['linux/amd64'] ?? 'none');
  return found !== undefined && existsSync(file) ? file : undefined;
}

/** Names of what is not in the artefact cache; empty when {@link bareKubernetes} can start. */
export const bareMissing: readonly string[] = names.filter((program) => archiveOf(program) === undefined).map((program) => `image-${program}`);

export interface BareKubernetes {
  readonly dir: string;
  /** A kubeconfig of an administrator (group system:masters). */
  readonly kubeconfig: string;
  readonly server: string;
  readonly ca: string;
  readonly client: KubernetesClient;
  stop(): Promise<void>;
}

/** One layer holds the program. */
function unpack(program: Program, dir: string): string {
  const archive = archiveOf(program);
  if (archive === undefined) throw new Error(`image-${program} is not in the artefact cache`);
  execFileSync('sh', ['-c', 'tar xOf "$1" --wildcards "*/layer.tar" | tar xf - -C "$2" --strip-components=3 "usr/local/bin/$3"', 'sh', archive, dir, program]);
  return path.join(dir, program);
}

function openssl(dir: string, ...words: readonly string[]): void {
  execFileSync('openssl', [...words], { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** `NAME.crt` and `NAME.key`, signed by the CA of the directory. */
export function signCertificate(dir: string, name: string, subject: string, extensions = 'extendedKeyUsage=clientAuth'): void {
  writeFileSync(path.join(dir, `${name}.ext`), `${extensions}\n`);
  openssl(dir, 'req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject);
  openssl(dir, 'x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2', '-out', `${name}.crt`, '-extfile', `${name}.ext`);
}

function kubeconfigOf(dir: string, server: string, name: string): string {
  const base64 = (file: string): string => readFileSync(path.join(dir, file)).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1', kind: 'Config', 'current-context': 'bare', contexts: [{ name: 'bare', context: { cluster: 'bare', user: name } }],
    clusters: [{ name: 'bare', cluster: { server, 'certificate-authority-data': base64('ca.crt') } }],
    users: [{ name, user: { 'client-certificate-data': base64(`${name}.crt`), 'client-key-data': base64(`${name}.key`) } }],
  });
}

const streams: Pick<Streams, 'forward'> = { forward: (_host, port) => Promise.resolve(connect(port, '127.0.0.1')) };

export function clientOf(kubeconfig: string): KubernetesClient {
  return new KubernetesClient({ path: '/admin.conf', config: new Secret(kubeconfig, { register: false }) }, () => Promise.resolve(streams));
}

async function until(holds: () => Promise<boolean>, what: string, log: string): Promise<void> {
  const end = Date.now() + 120_000;
  while (!(await holds().catch(() => false))) {
    if (Date.now() > end) throw new Error(`${what} within 120 s:\n${readFileSync(log, 'utf8').slice(-3000)}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function launch(program: string, words: readonly string[], log: string): ChildProcess {
  const out = openSync(log, 'w');
  return spawn('timeout', [String(LIFETIME_SECONDS), program, ...words], { stdio: ['ignore', out, out] });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}

/** @param controllers those of kube-controller-manager that run; none: it is not started */
export async function bareKubernetes(controllers: readonly string[], apiWords: readonly string[] = []): Promise<BareKubernetes> {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-bare-kubernetes-'));
  const file = (name: string): string => path.join(dir, name);
  const [api, clients, peers, manager] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const server = `https://localhost:${String(api)}`;
  openssl(dir, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=bare-kubernetes', '-days', '400');
  openssl(dir, 'ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key');
  signCertificate(dir, 'serving', '/CN=localhost', 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth');
  signCertificate(dir, 'admin', '/O=system:masters/CN=bare-admin');
  const kubeconfig = kubeconfigOf(dir, server, 'admin');
  writeFileSync(file('admin.conf'), kubeconfig, { mode: 0o600 });
  writeFileSync(file('authentication.yaml'), authenticationConfiguration([]));
  const started: ChildProcess[] = [];
  const client = clientOf(kubeconfig);
  const stop = async (): Promise<void> => {
    await client.close();
    for (const child of [...started].reverse()) await ended(child);
    rmSync(dir, { recursive: true, force: true });
  };
  const signal = AbortSignal.timeout(180_000);
  try {
    const etcd = `http://127.0.0.1:${String(clients)}`;
    started.push(launch(unpack('etcd', dir), ['--name', 'bare', '--data-dir', file('etcd-data'), '--unsafe-no-fsync', '--listen-client-urls', etcd, '--advertise-client-urls', etcd, '--listen-peer-urls', `http://127.0.0.1:${String(peers)}`, '--initial-advertise-peer-urls', `http://127.0.0.1:${String(peers)}`, '--initial-cluster', `bare=http://127.0.0.1:${String(peers)}`], file('etcd.log')));
    started.push(launch(unpack('kube-apiserver', dir), [
      '--etcd-servers', etcd, '--bind-address', '127.0.0.1', '--secure-port', String(api), '--tls-cert-file', file('serving.crt'), '--tls-private-key-file', file('serving.key'), '--client-ca-file', file('ca.crt'),
      '--service-account-issuer', 'https://bare', '--service-account-key-file', file('sa.key'), '--service-account-signing-key-file', file('sa.key'), '--service-cluster-ip-range', '10.96.0.0/16',
      '--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction', '--authentication-config', file('authentication.yaml'), '--allow-privileged=true', '--endpoint-reconciler-type', 'none', ...apiWords,
    ], file('api.log')));
    await until(async () => (await client.request({ method: 'GET', path: '/readyz' }, signal)).status === 200, 'the API server was not ready', file('api.log'));
    await until(async () => (await client.request({ method: 'GET', path: '/api/v1/namespaces/default' }, signal)).status === 200, 'there was no namespace default', file('api.log'));
    if (controllers.length > 0) {
      started.push(launch(unpack('kube-controller-manager', dir), [
        '--kubeconfig', file('admin.conf'), '--leader-elect=false', '--controllers', controllers.join(','), '--secure-port', String(manager), '--bind-address', '127.0.0.1', '--service-account-private-key-file', file('sa.key'),
        '--cluster-signing-cert-file', file('ca.crt'), '--cluster-signing-key-file', file('ca.key'), '--root-ca-file', file('ca.crt'),
      ], file('manager.log')));
      if (controllers.includes('serviceaccount-controller')) await until(async () => (await client.request({ method: 'GET', path: '/api/v1/namespaces/default/serviceaccounts/default' }, signal)).status === 200, 'there was no service account', file('manager.log'));
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { dir, kubeconfig, server, ca: readFileSync(file('ca.crt'), 'utf8'), client, stop };
}
