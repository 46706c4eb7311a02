/**
 * Who reaches whom in a cluster: policies tried from inside pods, with each network that this program knows. Skipped, by name, where artefacts are not in the
 * cache. Ten minutes or so each.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labDown, labExec, labHost, labUp, type Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import { eventually, labProject, onHost, troubleOf, type LabProject } from '../integration/support/lab-project.ts';
import { ownLab } from '../integration/support/lab.ts';
import type { Result } from '../unit/run/support.ts';
import { hostSpecs, kubectl, missingFor, prepareHosts, writeInventory, type Network } from './support/kubernetes-lab.ts';
import { applyObjects, makePods, makeProber, type ProbePod, type Prober, type Target } from './support/network-probe.ts';

/** A control plane and a worker; the third is no node. */
const NODES = ['a1', 'b1'] as const;
const OUTSIDE = 'out';
const book = (name: string): string => path.join(import.meta.dirname, '..', '..', 'playbooks', name);
const PLAYBOOKS = ['base.yml', 'kubernetes.yml'].map(book);
/** A second sshd listens here: a service of a host. */
const SERVICE = 2200;

const CLIENT: ProbePod = { namespace: 'one', name: 'client', node: 'a1' };
const NEAR: ProbePod = { namespace: 'one', name: 'near', node: 'b1' };
const BESIDE: ProbePod = { namespace: 'one', name: 'beside', node: 'a1' };
const FAR: ProbePod = { namespace: 'two', name: 'far', node: 'b1' };
const DNS: Target = { type: 'dns' };
const tcp = (to: ProbePod): Target => ({ type: 'tcp', to });
const udp = (to: ProbePod): Target => ({ type: 'udp', to });

const policy = (namespace: string, name: string, spec: object): object => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec: { podSelector: {}, ...spec } });
const ofNamespace = (name: string): object => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } } });
const DNS_ONLY = { policyTypes: ['Ingress', 'Egress'], egress: [{ to: [{ ...ofNamespace('kube-system'), podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: [{ protocol: 'UDP', port: 53 }, { protocol: 'TCP', port: 53 }] }] };
/** As role kubernetes_policies makes them. */
const DENY = ['one', 'two'].map((name) => policy(name, 'default-deny', DNS_ONLY));
const WITHIN = policy('one', 'within', { policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [{ podSelector: {} }] }], egress: [{ to: [{ podSelector: {} }] }] });
const BETWEEN = [
  policy('one', 'to-two', { policyTypes: ['Egress'], egress: [{ to: [ofNamespace('two')], ports: [{ protocol: 'TCP', port: 8080 }] }] }),
  policy('two', 'from-one', { policyTypes: ['Ingress'], ingress: [{ from: [ofNamespace('one')] }] }),
];

describe.each(['kube_router', 'calico'] as const)('network of pods: %s', (network: Network) => {
  const missing = missingFor(network);
  describe.skipIf(missing.length > 0)(missing.length > 0 ? `not in the artefact cache: ${missing.join(', ')}` : 'with what is in the artefact cache', () => {
    let lab: Lab;
    let project: LabProject;
    let prober: Prober;
    const own = ownLab(network === 'calico' ? 'calico' : 'router');
    const run = (options: Partial<RunOptions> = {}): Promise<Result> => project.run({ playbooks: PLAYBOOKS, ...options });
    const troubles = (result: Result): string => NODES.map((name) => troubleOf(result, name)).join('');
    const changes = (result: Result): readonly string[] => [...new Set(result.events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource}`] : [])))].sort();
    const outside = (): Target => ({ type: 'host', address: labHost(lab, OUTSIDE).address, port: 22 });
    /** Whether an sshd of a node answers a host that is no node. */
    const opens = async (node: string, port: number): Promise<boolean> => (await labExec(lab, OUTSIDE, ['sh', '-c', `curl -s --http0.9 -m 3 http://${labHost(lab, node).address}:${String(port)}/ 2>/dev/null | grep -aq SSH`])).status === 0;

    beforeAll(async () => {
      lab = await labUp({ ...own, hosts: hostSpecs([...NODES, OUTSIDE]) });
      project = labProject({});
      writeInventory(project, lab, {
        controlPlanes: ['a1'], workers: ['b1'], network,
        vars: { kubernetes_allow_single: true, base_firewall_allow: [{ port: String(SERVICE), comment: 'a service of the drill' }] },
      });
      await prepareHosts(lab, NODES);
      await onHost(lab, OUTSIDE, 'command -v curl >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends curl; } >/dev/null 2>&1');
    });
    afterAll(async () => {
      project.remove();
      await labDown(own);
    });

    it('is made by one apply; a second changes nothing; verify passes', async () => {
      const made = await run();
      if (made.status !== 0) console.log(await onHost(lab, 'a1', 'export KUBECONFIG=/etc/kubernetes/admin.conf; crictl ps -a; kubectl get pods -A -o wide; kubectl get tigerastatus -o yaml | tail -n 80; true'));
      expect([troubles(made), made.status]).toEqual(['', 0]);
      const again = await run();
      expect([troubles(again), again.status, changes(again)]).toEqual(['', 0, []]);
      const verified = await run({ mode: 'verify' });
      expect([troubles(verified), verified.status]).toEqual(['', 0]);
      prober = await makeProber(lab, 'a1');
      await makePods(lab, 'a1', [CLIENT, NEAR, BESIDE, FAR]);
    });

    it('before anybody has said anything, pods talk to all with kube-router, to DNS alone with Calico', async () => {
      const open = network === 'kube_router';
      await prober.expectMatrix('no policy', [
        [CLIENT, DNS, true], [CLIENT, tcp(BESIDE), open], [CLIENT, tcp(NEAR), open], [CLIENT, udp(NEAR), open], [CLIENT, tcp(FAR), open], [FAR, tcp(CLIENT), open], [CLIENT, outside(), open],
        [CLIENT, { type: 'host', address: labHost(lab, 'b1').address, port: 22 }, open],
      ]);
    });

    it('default-deny leaves DNS', async () => {
      await applyObjects(lab, 'a1', DENY);
      await prober.expectMatrix('default-deny', [
        [CLIENT, DNS, true], [FAR, DNS, true], [CLIENT, tcp(BESIDE), false], [CLIENT, tcp(NEAR), false], [CLIENT, udp(NEAR), false], [CLIENT, tcp(FAR), false], [FAR, tcp(CLIENT), false], [CLIENT, outside(), false],
        [CLIENT, { type: 'host', address: labHost(lab, 'b1').address, port: 22 }, false],
      ]);
    });

    it('pods of a namespace may be let talk to one another, and to nobody else', async () => {
      await applyObjects(lab, 'a1', [WITHIN]);
      await prober.expectMatrix('within a namespace', [
        [CLIENT, tcp(BESIDE), true], [CLIENT, tcp(NEAR), true], [NEAR, tcp(CLIENT), true], [CLIENT, udp(NEAR), true], [CLIENT, tcp(FAR), false], [FAR, tcp(CLIENT), false], [CLIENT, outside(), false], [CLIENT, DNS, true],
      ]);
    });

    it('one port of another namespace, one way', async () => {
      await applyObjects(lab, 'a1', BETWEEN);
      await prober.expectMatrix('between namespaces', [[CLIENT, tcp(FAR), true], [NEAR, tcp(FAR), true], [CLIENT, udp(FAR), false], [FAR, tcp(CLIENT), false], [FAR, tcp(NEAR), false]]);
    });

    it('the world is reached where a policy lets a pod', async () => {
      await applyObjects(lab, 'a1', [policy('one', 'world', { policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: `${labHost(lab, OUTSIDE).address}/32` } }], ports: [{ protocol: 'TCP', port: 22 }] }] })]);
      await prober.expectMatrix('egress', [[CLIENT, outside(), true], [FAR, outside(), false], [CLIENT, { type: 'host', address: labHost(lab, 'b1').address, port: 22 }, false]]);
    });

    it('policies hold while what enforces them is away', async () => {
      const [namespace, label] = network === 'calico' ? ['calico-system', 'k8s-app=calico-node'] : ['kube-system', 'k8s-app=kube-router'];
      await kubectl(lab, 'a1', `-n ${namespace} delete pod -l ${label} --wait=false`);
      expect([await prober.reaches(CLIENT, udp(FAR)), await prober.reaches(FAR, tcp(CLIENT))]).toEqual([false, false]);
      // kube-router takes its routes along (docs/roles/kube_router.md); Calico's stay.
      if (network === 'calico') expect(await prober.reaches(CLIENT, tcp(FAR))).toBe(true);
      await eventually(async () => (await kubectl(lab, 'a1', `-n ${namespace} get pods -l ${label} -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'`)) === 'True True', 180_000, () => 'they do not come back');
      await prober.expectMatrix('when it is back', [[CLIENT, tcp(FAR), true], [CLIENT, tcp(NEAR), true], [CLIENT, udp(FAR), false], [FAR, tcp(CLIENT), false]]);
    });

    describe.runIf(network === 'calico')('policies of the cluster as a whole', () => {
      it('a tier is asked before any NetworkPolicy, and goes when it is no longer declared', async () => {
        const extraVars = {
          calico_tiers: [{ name: 'security', order: 300 }],
          calico_global_network_policies: [{ name: 'quarantine', tier: 'security', spec: { selector: "quarantine == 'yes'", types: ['Ingress', 'Egress'], ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] } }],
        };
        const made = await run({ extraVars });
        expect([troubles(made), made.status, changes(made)]).toEqual(['', 0, ['a1|GlobalNetworkPolicy quarantine', 'a1|Tier security']]);
        await kubectl(lab, 'a1', '-n one label pod near quarantine=yes');
        await prober.expectMatrix('in quarantine', [[CLIENT, tcp(NEAR), false], [NEAR, DNS, false], [CLIENT, tcp(FAR), true]]);
        const gone = await run();
        expect([troubles(gone), gone.status, changes(gone)]).toEqual(['', 0, ['a1|GlobalNetworkPolicy quarantine', 'a1|Tier security']]);
        await prober.expectMatrix('after', [[CLIENT, tcp(NEAR), true], [NEAR, DNS, true]]);
      });

      it('hosts let in what is declared; SSH stays open whatever a policy says', async () => {
        for (const node of NODES) await onHost(lab, node, `install -d /run/sshd; ss -Hltn 'sport = :${String(SERVICE)}' | grep -q . || /usr/sbin/sshd -p ${String(SERVICE)}`);
        expect([await opens('a1', SERVICE), await opens('b1', SERVICE), await opens('a1', 22)]).toEqual([true, true, true]);
        const hosts = { calico_host_endpoints: true };
        const made = await run({ extraVars: hosts });
        expect([troubles(made), made.status]).toEqual(['', 0]);
        await eventually(async () => !(await opens('a1', SERVICE)) && !(await opens('b1', SERVICE)), 60_000, () => 'a port that nobody declared stays open');
        expect([await opens('a1', 22), await opens('b1', 22)]).toEqual([true, true]);
        const verified = await run({ mode: 'verify', extraVars: hosts });
        expect([troubles(verified), verified.status]).toEqual(['', 0]);
        const declared = await run({ extraVars: { ...hosts, calico_host_ingress: [{ name: 'a service of the drill', ports: [SERVICE] }] } });
        expect([troubles(declared), declared.status, changes(declared)]).toEqual(['', 0, ['a1|GlobalNetworkPolicy care-hosts']]);
        await eventually(async () => (await opens('a1', SERVICE)) && (await opens('b1', SERVICE)), 60_000, () => 'a port that is declared stays closed');
        // The worst mistake: everything from everywhere is denied, first of all.
        const mistake = { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkPolicy', metadata: { name: 'mistake' }, spec: { order: 1, types: ['Ingress', 'Egress'], selector: "projectcalico.org/created-by == 'calico-kube-controllers'", ingress: [{ action: 'Deny' }], egress: [{ action: 'Deny' }] } };
        await applyObjects(lab, 'a1', [mistake]);
        await eventually(async () => !(await opens('a1', SERVICE)) && !(await opens('b1', SERVICE)), 60_000, () => 'the mistake has no effect');
        expect([await opens('a1', 22), await opens('b1', 22)]).toEqual([true, true]);
        await applyObjects(lab, 'a1', [mistake], 'delete');
        const back = await run();
        expect([troubles(back), back.status]).toEqual(['', 0]);
        await eventually(async () => (await opens('a1', SERVICE)) && (await kubectl(lab, 'a1', 'get hostendpoints -o name')) === '', 120_000, () => 'policies for hosts stay');
      });
    });
  });
});
