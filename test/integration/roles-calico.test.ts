/**
 * What role calico applies, against a real API server with upstream's own definitions, without a cluster: that its schemas take it, that a second apply changes
 * nothing after the operator has filled in what it fills in, and that what is no longer declared goes. Calico's own API server is not there: projectcalico.org/v3 is
 * served here with the schemas of the definitions that it stores by.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { cacheDirectory, cachedPath } from '../../src/artifacts/cache.ts';
import { readArtifactsFile } from '../../src/language/artifact-catalogue.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { packageRoot } from '../../src/support/package-root.ts';
import { bareKubernetes, bareMissing, type BareKubernetes } from '../support/bare-kubernetes.ts';
import { eventually } from './support/lab-project.ts';
import { testProject, type Result, type TestProject } from '../unit/run/support.ts';

const locked = (readArtifactsFile(path.join(packageRoot(), 'artifacts.yml')).artifacts ?? []).find((each) => each.name === 'calico-crds');
const file = cachedPath(cacheDirectory(), locked?.sha256['linux/amd64'] ?? 'none');
const missing = [...bareMissing, ...(existsSync(file) ? [] : ['calico-crds'])];

interface Definition {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly group: string; readonly names: { readonly plural: string }; readonly versions: readonly { readonly name: string }[] };
}

/** Those that the role has objects of, as projectcalico.org/v3 in place of crd.projectcalico.org/v1; others would only take time. */
const PLURALS: readonly string[] = ['installations', 'apiservers', 'felixconfigurations', 'kubecontrollersconfigurations', 'globalnetworkpolicies', 'tiers', 'bgpconfigurations', 'bgppeers'];

function definitions(): readonly Definition[] {
  const all = parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS({ maxAliasCount: 0 }) as Definition | null).filter((each) => each !== null).filter((each) => PLURALS.includes(each.spec.names.plural));
  return all.map((each) => (each.spec.group !== 'crd.projectcalico.org' ? each : {
    ...each,
    metadata: { name: `${each.spec.names.plural}.projectcalico.org` },
    spec: { ...each.spec, group: 'projectcalico.org', versions: each.spec.versions.map((version) => ({ ...version, name: 'v3' })) },
  }));
}

describe.skipIf(missing.length > 0)(`role calico${missing.length > 0 ? ` (not in the artefact cache: ${missing.join(', ')})` : ''}`, () => {
  let api: BareKubernetes;
  let project: TestProject;
  const signal = AbortSignal.timeout(170_000);
  const ask = async (method: 'GET' | 'POST' | 'PATCH', at: string, body?: unknown): Promise<Readonly<Record<string, unknown>>> => {
    const answer = await api.client.request({ method, path: at, body, ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}) }, signal);
    if (answer.status >= 300) throw new Error(`${method} ${at}: ${String(answer.status)} ${JSON.stringify(answer.body)}`);
    return answer.body as Readonly<Record<string, unknown>>;
  };
  const troubles = (result: Result): string => result.events.flatMap((e) => (e.type === 'task' && e.status === 'failed' ? [`${e.task}: ${e.error ?? ''}`] : [])).join('\n');
  const changes = (result: Result): readonly string[] => result.events.flatMap((e) => (e.type === 'change' ? [`${e.resource}: ${e.what}`] : []));
  const run = (vars: Readonly<Record<string, unknown>> = {}, options: Partial<RunOptions> = {}): Promise<Result> => project.run({ diff: false, extraVars: { ...vars, calico_kubeconfig: `${api.dir}/admin.conf` }, ...options });

  beforeAll(async () => {
    api = await bareKubernetes([]);
    const made = definitions();
    for (const each of made) await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', each);
    for (const { metadata, spec } of made) {
      const [version] = spec.versions;
      await eventually(async () => (await api.client.request({ method: 'GET', path: `/apis/${spec.group}/${version?.name ?? ''}/${spec.names.plural}` }, signal)).status === 200, 60_000, () => `${metadata.name} is not served`);
    }
    project = testProject({
      'inventory.yml': JSON.stringify({ all: { vars: { ansible_connection: 'local' }, children: { kube_control_plane: { hosts: { control: { ansible_host: '192.0.2.11', site: 'kochi' } } } } } }),
      'playbook.yml': JSON.stringify([{ hosts: 'all', tasks: ['installation', 'policies'].map((part) => ({ include_role: { name: 'calico', tasks_from: part } })) }]),
    });
  });
  afterAll(async () => {
    project.remove();
    await api.stop();
  });

  it('is applied as predicted; a second apply changes nothing', async () => {
    const predicted = await run({}, { mode: 'check' });
    expect(troubles(predicted)).toBe('');
    const made = await run();
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(predicted)).toEqual(changes(made));
    expect(changes(made)).toEqual(['Installation default', 'APIServer default', 'FelixConfiguration default', 'GlobalNetworkPolicy care-default-deny', 'KubeControllersConfiguration default'].map((each) => `${each}: create`));
    expect(changes(await run())).toEqual([]);
  });

  it('nor does one after others have filled in what is theirs', async () => {
    await ask('PATCH', '/apis/operator.tigera.io/v1/installations/default', { spec: { nodeUpdateStrategy: { type: 'RollingUpdate' }, calicoNetwork: { hostPorts: 'Enabled', multiInterfaceMode: 'None', windowsDataplane: 'Disabled' } } });
    await ask('PATCH', '/apis/projectcalico.org/v3/felixconfigurations/default', { spec: { healthPort: 9099, nftablesMode: 'Enabled' } });
    await ask('PATCH', '/apis/projectcalico.org/v3/kubecontrollersconfigurations/default', { spec: { controllers: { policy: {}, node: { syncLabels: 'Enabled' } } } });
    expect(changes(await run())).toEqual([]);
    const { spec } = await ask('GET', '/apis/projectcalico.org/v3/kubecontrollersconfigurations/default');
    expect(spec).toMatchObject({ controllers: { policy: {}, node: { syncLabels: 'Enabled', hostEndpoint: { autoCreate: 'Disabled' } } } });
  });

  it('takes all that can be declared, and takes it away when it no longer is', async () => {
    const declared = {
      calico_ip_pools: [{ name: 'kochi', cidr: '10.244.0.0/17', zone: 'kochi', nat_outgoing: false, block_size: 27 }, { name: 'old', cidr: '10.244.128.0/17', node_selector: 'has(old)', encapsulation: 'None', disabled: true, bgp_export: false }],
      calico_mtu: 1400, calico_wireguard: true, calico_bgp: true, calico_bgp_peers: [{ name: 'tor', address: '192.0.2.1', as_number: 64_600, zone: 'kochi' }], calico_host_endpoints: true,
      calico_host_ingress: [{ name: 'node ports', ports: ['30000:32767'], nets: ['203.0.113.0/24'] }, { name: 'web', ports: [443] }],
      calico_tiers: [{ name: 'security', order: 300, default_action: 'Deny' }],
      calico_global_network_policies: [{ name: 'quarantine', tier: 'security', spec: { selector: "quarantine == 'yes'", types: ['Ingress', 'Egress'], egress: [{ action: 'Deny' }] } }],
    };
    const made = await run(declared);
    expect([troubles(made), made.status]).toEqual(['', 0]);
    expect(changes(made).filter((each) => each.endsWith(': create'))).toEqual(['BGPConfiguration default', 'BGPPeer tor', 'Tier security', 'GlobalNetworkPolicy quarantine', 'GlobalNetworkPolicy care-hosts'].map((each) => `${each}: create`));
    expect(changes(await run(declared))).toEqual([]);
    const back = await run();
    expect([troubles(back), back.status]).toEqual(['', 0]);
    expect(changes(back).filter((each) => each.includes('delete')).map((each) => each.split(':')[0]).sort()).toEqual(['BGPPeer tor', 'GlobalNetworkPolicy care-hosts', 'GlobalNetworkPolicy quarantine', 'Tier security']);
    expect(changes(await run())).toEqual([]);
  });

  it('a field that upstream does not know is refused', async () => {
    const refused = await run({ calico_felix_configuration: { wireguardEnable: true } });
    expect(refused.status).toBe(3);
    expect(troubles(refused)).toContain('wireguardEnable');
  });
});
