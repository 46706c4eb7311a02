/** The playbook of the store, with what the inventory and `--extra-vars` declare, while the client watches. */
import { applyPlaybook } from '../playbook.ts';
import type { MinioScene } from './scene.ts';

/** @throws Diagnostic with the first failed tasks */
export async function applyStore(scene: MinioScene): Promise<void> {
  const { inventories, nodes } = scene.store;
  await applyPlaybook(scene, { inventories, name: 'minio.yml', becomePassword: nodes[0]?.become.password });
}
