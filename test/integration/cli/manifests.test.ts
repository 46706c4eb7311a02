/** The manifests that the program prints, before a real API server: decoded strictly, admitted under Pod Security `restricted`, and read back as they were. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { cacheDirectory, cachedPath } from '../../../src/artifacts/cache.ts';
import { workerJob } from '../../../src/cli/workers/job.ts';
import { readArtifactsFile } from '../../../src/language/artifact-catalogue.ts';
import { bareKubernetes, bareMissing, type BareKubernetes } from '../../support/bare-kubernetes.ts';
import { labProject, type LabProject } from '../support/lab-project.ts';

/** kubectl of the artefact cache; undefined when it is not there. */
function cachedKubectl(): string | undefined {
  const described = path.join(cacheDirectory(), 'kubernetes-built.yml');
  const found = existsSync(described) ? readArtifactsFile(described).artifacts?.find((each) => each.name === 'kubectl') : undefined;
  const file = cachedPath(cacheDirectory(), found?.sha256['linux/amd64'] ?? 'none');
  return found !== undefined && existsSync(file) ? file : undefined;
}

const absent = [...bareMissing, ...(cachedKubectl() === undefined ? ['kubectl'] : [])];
const missing = absent.length === 0 ? '' : `manifests are not tried on an API server: ${absent.join(', ')} not in the artefact cache`;
let api: BareKubernetes;
let project: LabProject;

function kubectl(words: readonly string[], input = ''): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  return spawnSync(path.join(api.dir, 'kubectl'), ['--kubeconfig', path.join(api.dir, 'admin.conf'), '--request-timeout', '20s', ...words], { encoding: 'utf8', input, timeout: 60_000 });
}

beforeAll(async () => {
  if (missing !== '') return;
  // Nobody makes service accounts here.
  api = await bareKubernetes([], ['--disable-admission-plugins', 'ServiceAccount']);
  copyFileSync(cachedKubectl() ?? '', path.join(api.dir, 'kubectl'));
  chmodSync(path.join(api.dir, 'kubectl'), 0o755);
  // Whoever warns, warns of what would be refused here.
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' };
  const made = kubectl(['create', '-f', '-'], stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'care', labels } }));
  expect([made.status, made.stderr]).toEqual([0, '']);
  project = labProject({
    'inventory.yml': JSON.stringify({ all: { vars: { notify: { mail: { url: 'smtp://127.0.0.1:25', from: 'a@b.test', to: ['c@d.test'] } }, converge: { mode: 'mend', time_zone: 'Asia/Kolkata', schedule: { at: '23:55', days: ['sun'] } } }, hosts: { h1: {} } } }),
    'playbook.yml': '- hosts: all\n  tasks: []\n',
  });
});
afterAll(async () => {
  if (missing !== '') return;
  project.remove();
  await api.stop();
});
beforeEach(({ skip }) => { if (missing !== '') skip(missing); });

interface PodSpec { readonly containers: readonly unknown[] }
interface Shown { readonly kind: string; readonly metadata: { readonly name: string; readonly namespace: string }; readonly spec: Readonly<Record<string, unknown>> }
const objects = (text: string): readonly Shown[] => parseAllDocuments(text).map((document) => document.toJS() as Shown);

/** All that was asked for is in what the server made of it; it adds its defaults. */
function contains(actual: unknown, wanted: unknown): void {
  if (Array.isArray(wanted)) {
    expect(Array.isArray(actual) && actual.length).toBe(wanted.length);
    for (const [i, each] of wanted.entries()) contains((actual as readonly unknown[])[i], each);
  } else if (typeof wanted === 'object' && wanted !== null) {
    for (const [key, value] of Object.entries(wanted)) contains((actual as Readonly<Record<string, unknown>>)[key], value);
  } else expect(actual).toEqual(wanted);
}

/** Validated strictly by a dry run, then made, and read back; its pods are admitted as such. */
function tried(text: string, podOf: (spec: Shown['spec']) => PodSpec): void {
  for (const dry of [['--dry-run=server'], []]) {
    const applied = kubectl(['apply', '-n', 'care', '--server-side', '--validate=strict', ...dry, '-f', '-'], text);
    expect([applied.status, applied.stderr]).toEqual([0, '']);
  }
  for (const wanted of objects(text)) {
    const read = JSON.parse(kubectl(['get', '-n', 'care', '-o', 'json', wanted.kind.toLowerCase(), wanted.metadata.name]).stdout) as Shown;
    contains(read, wanted);
    const pod = kubectl(['create', '-n', 'care', '--validate=strict', '--dry-run=server', '-f', '-'], stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tried' }, spec: podOf(wanted.spec) }));
    expect([pod.status, pod.stderr]).toEqual([0, '']);
  }
}

test('converge manifest: both CronJobs', async () => {
  const printed = await project.start(['converge', 'manifest', 'inventory.yml', 'playbook.yml', '--image', 'registry.example.org/care@sha256:' + 'a'.repeat(64), '--namespace', 'care', '--name', 'site-a']).ended;
  expect([printed.status, printed.stderr]).toEqual([0, '']);
  expect(objects(printed.stdout).map((each) => each.metadata.name)).toEqual(['care-provision-converge-site-a', 'care-provision-converge-site-a-watch']);
  tried(printed.stdout, (spec) => (spec as { jobTemplate: { spec: { template: { spec: PodSpec } } } }).jobTemplate.spec.template.spec);
});

test('worker --manifest: the Indexed Job', async () => {
  const printed = await project.start(['worker', '--run', '20261126-020004-9f3a1c', '--manifest', '--image', 'registry.example.org/care:1', '--completions', '4', 'inventory.yml', 'playbook.yml']).ended;
  expect([printed.status, printed.stderr]).toEqual([0, '']);
  tried(printed.stdout, (spec) => (spec as { template: { spec: PodSpec } }).template.spec);
});

test('a field that there is not, and a pod that is not restricted, would be refused', () => {
  const job = workerJob({ run: '20261126-020004-aaaaaa', image: 'x', secret: 'care', completions: 1, words: [] });
  const unknown = kubectl(['apply', '-n', 'care', '--server-side', '--validate=strict', '--dry-run=server', '-f', '-'], job.replace('parallelism:', 'paralelism:'));
  expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining('paralelism') as string]);
  const open = kubectl(['apply', '-n', 'care', '--server-side', '--dry-run=server', '-f', '-'], job.replace('runAsNonRoot: true', 'runAsNonRoot: false'));
  expect(open.stderr).toContain('would violate PodSecurity "restricted');
});
