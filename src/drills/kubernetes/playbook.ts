/** A playbook of the cluster that runs while the client writes. */
import type { Figure } from '../record.ts';
import { applyPlaybook } from '../playbook.ts';
import type { KubernetesScene } from './scene.ts';

/** @returns how long it took. @throws Diagnostic with the first failed tasks */
export async function applyCluster(scene: KubernetesScene, name: string): Promise<Figure> {
  const { inventories, controlPlanes } = scene.cluster;
  const began = scene.now();
  await applyPlaybook(scene, { inventories, name, becomePassword: controlPlanes[0]?.become.password });
  scene.note('seen', `playbooks/${name} is through`);
  return { name: 'playbook_ms', label: `playbooks/${name} took`, ms: scene.now() - began, targetMs: undefined };
}
