/**
 * The drills of Kubernetes, as the program runs them, on three control planes and a worker in two sites. Skipped, by name, where the artefacts are not
 * in the cache. CARE_DRILLS_RUNS: how often each is run; CARE_DRILLS_DOCS: a file whose table of results is filled by the way (docs/drills.md). With five
 * runs of the cheap ones 35 minutes, of which the upgrade takes ten and the certificates six.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labUp, type Lab } from '../../src/lab/index.ts';
import { labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import { drilled, type Drilled } from './support/drilled.ts';
import { hostSpecs, kubectl, missing, missingNext, NEXT_VERSION, prepareHosts, VERSION, writeInventory } from './support/kubernetes-lab.ts';

const CONTROL_PLANES = ['a1', 'a2', 'b1'] as const;
const HOSTS = [...CONTROL_PLANES, 'b2'];
const CLUSTER = { controlPlanes: CONTROL_PLANES, workers: ['b2'] };
const PLAYBOOKS = ['base', 'kubernetes'].map((name) => path.join(import.meta.dirname, '..', '..', 'playbooks', `${name}.yml`));
const RUNS = process.env['CARE_DRILLS_RUNS'] ?? '1';
const docs = process.env['CARE_DRILLS_DOCS'];

let lab: Lab;
let project: LabProject;

async function drill(name: string, ...more: readonly string[]): Promise<Drilled> {
  const done = await drilled(project, name, 'inventory.yml', ...more, ...(docs === undefined ? [] : ['--docs', docs]));
  console.log(done.lines.map((line) => (line.type === 'event' ? `${String(line.at_ms)} ${line.what}` : JSON.stringify(line))).join('\n'));
  return done;
}

/** Met each time, with nothing lost, and nothing of the drill left behind. */
async function passes(name: string, runs = RUNS, ...more: readonly string[]): Promise<Drilled> {
  const done = await drill(name, '--runs', runs, ...more);
  expect([done.status, done.summary.misses, done.stderr]).toEqual([0, [], '']);
  expect(done.summary).toMatchObject({ drill: name, met: true, lost: 0, runs: Number(runs), status: 0 });
  expect(done.summary.acknowledged).toBeGreaterThan(50);
  expect(await kubectl(lab, 'a1', 'get namespace care-drill --ignore-not-found')).toBe('');
  return done;
}

describe.skipIf(missing.length > 0)(`kubernetes ${VERSION}${missing.length > 0 ? ` (not in the artefact cache: ${missing.join(', ')})` : ''}`, () => {
  beforeAll(async () => {
    lab = await labUp({ ...ownLab('kube-drills'), hosts: hostSpecs(HOSTS) });
    project = labProject({});
    writeInventory(project, lab, CLUSTER);
    await prepareHosts(lab, HOSTS);
    const made = await project.run({ playbooks: PLAYBOOKS });
    expect([HOSTS.map((name) => troubleOf(made, name)).join(''), made.status]).toEqual(['', 0]);
  }, 1_800_000);
  afterAll(async () => {
    project.remove();
    await labDown(ownLab('kube-drills'));
  });

  it('hosts that are not marked are refused before they are touched', async () => {
    const unmarked = await drill('kubernetes-balancer-kill');
    expect([unmarked.status, unmarked.events, unmarked.stderr]).toEqual([65, [], expect.stringContaining('drills are not allowed on a1, a2, b1, b2')]);
    writeInventory(project, lab, { ...CLUSTER, vars: { drills: 'allowed' } });
  });

  it('a namespace of that name that no drill has made is left alone', async () => {
    await kubectl(lab, 'a1', 'create namespace care-drill');
    const refused = await drill('kubernetes-balancer-kill');
    expect([refused.status, refused.stderr]).toEqual([3, expect.stringContaining('there is a namespace care-drill that no drill has made')]);
    expect(await kubectl(lab, 'a1', "get namespace care-drill -o 'jsonpath={.status.phase}'")).toBe('Active');
    await kubectl(lab, 'a1', 'delete namespace care-drill --timeout 60s');
  });

  it('the balancer of the client’s node is killed, and is back by itself', async () => {
    const report = path.join(project.dir, 'report.html');
    const { result } = await passes('kubernetes-balancer-kill', RUNS, '--report', report);
    expect([result?.way, result?.what]).toEqual(['from b2, by https://kubernetes-api.internal:7443 (its own balancer), TLS verified', 'the client is on b2; the balancer there is killed']);
    expect(readFileSync(report, 'utf8')).toContain('ConfigMaps lost');
  });

  it('the API server that answers the client is killed: the balancer leads to another', async () => {
    const { result } = await passes('kubernetes-api-server-kill', '1');
    expect(result?.what).toContain('answers the client');
  });

  it('the control plane with etcd’s leader is off, and the others go on', async () => {
    const { events } = await passes('kubernetes-control-plane-loss');
    expect(events.filter((e) => e.kind === 'leader').length).toBeGreaterThan(0);
  }, 1_800_000);

  it('a site with etcd’s leader is cut off: the majority goes on, the site confirms nothing', async () => {
    const { events, result } = await passes('kubernetes-site-cut-off');
    expect(result?.way).toContain('from a2, ');
    expect(events.map((e) => e.what)).toContain("b1: etcd's member knows of no leader");
    for (const host of HOSTS) expect(await onHost(lab, host, 'nft list tables | grep care_drill || true')).toBe('');
  }, 1_800_000);

  it('with a majority off nothing is confirmed; with the power all is there again', async () => {
    const { result } = await passes('kubernetes-quorum-loss');
    expect(result?.gap_ms).toBeGreaterThan(20_000);
    expect(result?.figures['written_again_ms']).toBeGreaterThan(0);
  }, 1_800_000);

  it('certificates are renewed while it is written to', async () => {
    const { result } = await passes('kubernetes-certs-renew', '1');
    expect(result?.figures['playbook_ms']).toBeGreaterThan(0);
  });

  it.skipIf(missingNext.length > 0)(`goes to ${NEXT_VERSION}${missingNext.length > 0 ? ` (not in the artefact cache: ${missingNext.join(', ')})` : ''} while it is written to, once`, async () => {
    const nothing = await drill('kubernetes-upgrade');
    expect([nothing.status, nothing.stderr]).toEqual([3, expect.stringContaining(`all nodes run ${VERSION} already`)]);
    writeInventory(project, lab, { ...CLUSTER, vars: { drills: 'allowed' } }, NEXT_VERSION);
    await passes('kubernetes-upgrade', '1');
    expect(await kubectl(lab, 'b1', "get nodes -o 'jsonpath={.items[*].status.nodeInfo.kubeletVersion}'")).toBe(HOSTS.map(() => `v${NEXT_VERSION}`).join(' '));
  }, 1_800_000);
});
