import { failure } from '../../support/diagnostic.ts';
import { confirmedBetween } from '../measure.ts';
import { victimsOfQuorum } from './choose.ts';
import { clearOf } from './control-plane-loss.ts';
import type { KubernetesDrill } from './scene.ts';
import { leaderOf } from './view.ts';

/** So many control planes lose their power that the rest is no majority: nothing may be confirmed meanwhile. */
export const quorumLoss: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-quorum-loss',
  summary: 'the power of a majority of the control planes is cut at once',
  proves: 'Without a majority of etcd nothing is confirmed that could be lost; with the power all is as before by itself, nobody has to restore anything, and all that was confirmed before is there. What it takes is counted from the moment at which the power is back. With --power sysrq hosts boot by themselves, so that it is not judged whether anything is confirmed meanwhile.',
  target: { gapMs: undefined, backMs: 120_000, source: 'R1.1: two of three off, no data lost' },
  touches: ['control planes'],
  needsPower: true,
  async begin(scene) {
    const { cluster, leader, power, now, rows } = scene;
    if (cluster.controlPlanes.length < 3) throw failure('too-few-control-planes', `this drill needs three control planes, and the cluster has ${String(cluster.controlPlanes.length)}`);
    const victims = victimsOfQuorum(cluster, leader.name, scene.clientNode().name);
    const names = victims.map((host) => host.name);
    await clearOf(scene, names);
    // A host that its kernel resets boots by itself: then nobody knows from when on there is a majority again.
    const staysOff = victims.every((host) => host.labAddress !== undefined);
    let [cutMs, onMs] = [Infinity, Infinity];
    return {
      what: `${names.join(' and ')}, ${String(victims.length)} of ${String(cluster.controlPlanes.length)} control planes, lose their power; ${leader.name} leads etcd`,
      byHand: victims.map((host) => power.byHand(host)).join('; '),
      async break() {
        await Promise.all(victims.map((host) => power.cut(host)));
        cutMs = now();
      },
      effect: (look) => (leaderOf({ ...look, controlPlanes: look.controlPlanes.filter((each) => !names.includes(each.name)) }) === undefined ? undefined : 'etcd still has a leader'),
      effectSeconds: 60,
      holdSeconds: 20,
      async heal() {
        onMs = Math.min(onMs, now());
        await Promise.all(victims.map((host) => power.on(host)));
      },
      backSeconds: 300,
      findings() {
        const meanwhile = staysOff ? confirmedBetween(rows(), cutMs, onMs) : [];
        return Promise.resolve(meanwhile.length === 0 ? [] : [`${String(meanwhile.length)} ConfigMaps were acknowledged while there was no majority`]);
      },
      figures() {
        const first = rows().filter((row) => row.sentMs > cutMs).reduce((least, row) => Math.min(least, row.atMs), Infinity);
        return Number.isFinite(first) ? [{ name: 'written_again_ms', label: 'from the power until something was written again', ms: Math.max(0, first - onMs), targetMs: undefined }] : [];
      },
    };
  },
};
