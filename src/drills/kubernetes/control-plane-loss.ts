import { failure } from '../../support/diagnostic.ts';
import { majorityOf, nodeForClient } from './choose.ts';
import type { KubernetesDrill, KubernetesScene } from './scene.ts';
import { leaderOf } from './view.ts';

/** The client goes away from nodes that are hurt. @throws Diagnostic when there is no other */
export async function clearOf(scene: KubernetesScene, hurt: readonly string[]): Promise<void> {
  if (!hurt.includes(scene.clientNode().name)) return;
  const node = nodeForClient(scene.cluster, hurt);
  if (node === undefined) throw failure('no-node-left', 'this drill leaves no node that the client could be on');
  await scene.moveTo(node);
}

/** The host of etcd's leader loses its power; the others elect another, and serve. */
export const controlPlaneLoss: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-control-plane-loss',
  summary: "the power of the control plane whose member leads etcd is cut",
  proves: 'The others elect another leader and serve, balancers lead to them, nothing that a client was promised is lost, and the control plane comes back by itself. In a lab of containers the kernel survives: what it had not yet written to the disk is not lost, as it would be by a real power cut.',
  target: { gapMs: 15_000, backMs: 120_000, source: 'R1.1: power-off of any one of three, no gap > 15 s' },
  touches: ['control planes'],
  needsPower: true,
  async begin(scene) {
    const { cluster, leader, power, servedBy } = scene;
    const { length } = cluster.controlPlanes;
    if (length - 1 < majorityOf(length)) throw failure('too-few-control-planes', `this drill needs three control planes, and the cluster has ${String(length)}`);
    await clearOf(scene, [leader.name]);
    return {
      what: `${leader.name} leads etcd${servedBy()?.name === leader.name ? ' and answers the client' : ''}; its power is cut`,
      byHand: power.byHand(leader),
      break: () => power.cut(leader),
      effect(now) {
        const next = leaderOf({ ...now, controlPlanes: now.controlPlanes.filter((each) => each.name !== leader.name) });
        return next === undefined ? `no other member than that of ${leader.name} leads etcd` : undefined;
      },
      effectSeconds: 60,
      holdSeconds: 10,
      heal: () => power.on(leader),
      backSeconds: 300,
    };
  },
};
