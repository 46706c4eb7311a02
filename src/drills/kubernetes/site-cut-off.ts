import { z } from 'zod';
import { listObjects } from '../../services/kubernetes/objects.ts';
import type { ClusterHost } from '../../operations/inventory.ts';
import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import { confirmedBetween } from '../measure.ts';
import { cutOffRouted, mend, MEND_BY_HAND, refuseWithoutNft, stillCutOff } from '../partition.ts';
import { certain } from './api.ts';
import { siteToCut } from './choose.ts';
import { clearOf } from './control-plane-loss.ts';
import type { KubernetesDrill, KubernetesScene } from './scene.ts';
import { probeName } from './stage.ts';
import { leaderOf } from './view.ts';

const NodeObject = z.looseObject({ metadata: z.looseObject({ name: z.string() }), spec: z.looseObject({ podCIDRs: z.array(z.string()).default([]) }).prefault({}) });

/** Networks of the pods of some nodes, where the cluster gives each node one: they may be routed without a tunnel. */
async function podNetworks({ admin }: KubernetesScene, nodes: readonly ClusterHost[]): Promise<readonly string[]> {
  const objects = await admin.as(async (client, signal) => certain(await listObjects(client, { apiVersion: 'v1', kind: 'Node', labels: '', fields: '' }, signal), 'nodes'));
  return objects.map((each) => NodeObject.parse(each)).filter((each) => nodes.some((node) => node.name === each.metadata.name)).flatMap((each) => each.spec.podCIDRs);
}

/** etcd's leadership goes to a member, so that the worst is seen: its site is the one that is cut off. */
async function lead({ hosts, leader, note }: KubernetesScene, next: ClusterHost): Promise<void> {
  if (leader.name === next.name) return;
  await hosts.text(leader, sh`care_id=$(care-kubernetes-etcdctl member list | awk -F ', ' -v name=${next.name} '$3 == name { print $1 }') && [ -n "$care_id" ] && care-kubernetes-etcdctl move-leader "$care_id"`);
  note('seen', `etcd's leader is made that of ${next.name}`);
}

/** All nodes of a site, etcd's leader among them, are cut off from the nodes of the others. */
export const siteCutOff: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-site-cut-off',
  summary: "a site with etcd's leader is cut off from the others, which are a majority",
  proves: 'The majority elects another leader and is written to; the API of the site that is cut off confirms nothing, so that nothing written there can be lost; it follows again by itself once packets pass. SSH from the controller passes all the time, and pods stay where they are for so short a time.',
  target: { gapMs: 15_000, backMs: 60_000, source: 'R1.1, R1.2: the API is writable throughout' },
  touches: ['control planes', 'nodes'],
  async begin(scene) {
    const { cluster, hosts, now, rows } = scene;
    const cut = siteToCut(cluster);
    if (typeof cut === 'string') throw failure('no-site-to-cut', `this drill cuts a site off, and ${cut}`, { remedy: 'it needs site: of every node, and a majority of the control planes elsewhere' });
    const inside = cluster.controlPlanes.filter((host) => host.site === cut.site);
    const [first] = inside;
    if (first === undefined) throw failure('no-site-to-cut', 'the site has no control plane');
    await refuseWithoutNft(hosts, cut.inside);
    await clearOf(scene, cut.inside.map((host) => host.name));
    const others = [...new Set([...cut.outside.map((host) => host.address), ...(await podNetworks(scene, cut.outside))])];
    const guards = cut.inside.map((host) => deadMan(hosts, host, 'site', DEAD_MAN_SECONDS, mend()));
    const names = cut.inside.map((host) => host.name);
    let [cutMs, mendMs] = [Infinity, Infinity];
    return {
      what: `site ${cut.site} (${names.join(', ')}) is cut off from ${cut.outside.map((host) => host.name).join(', ')}; ${first.name} leads etcd`,
      byHand: `on ${names.join(', ')}: ${MEND_BY_HAND}`,
      async break() {
        await lead(scene, scene.leader.site === cut.site ? scene.leader : first);
        await Promise.all(guards.map((guard) => guard.arm()));
        await Promise.all(cut.inside.map((host) => hosts.text(host, cutOffRouted(others))));
        cutMs = now();
      },
      effect(look) {
        const of = (within: boolean) => look.controlPlanes.filter((each) => within === inside.some((host) => host.name === each.name));
        if (leaderOf({ ...look, controlPlanes: of(false) }) === undefined) return 'the majority has no leader of etcd';
        const led = of(true).find((each) => each.etcd === 'leads' || each.etcd === 'follows');
        return led === undefined ? undefined : `etcd of ${led.name}, which is cut off, still knows of a leader`;
      },
      effectSeconds: 60,
      holdSeconds: 20,
      async heal() {
        mendMs = Math.min(mendMs, now());
        await Promise.all(cut.inside.map((host) => hosts.text(host, mend())));
        await Promise.all(guards.map((guard) => guard.disarm()));
      },
      backSeconds: 180,
      async findings() {
        const there = confirmedBetween(rows().filter((row) => inside.some((host) => row.client === probeName(host))), cutMs, mendMs);
        return [...(there.length === 0 ? [] : [`${String(there.length)} ConfigMaps were acknowledged by the site that was cut off`]), ...(await stillCutOff(hosts, cut.inside))];
      },
    };
  },
};
