/** Runs a playbook with what the inventory and `--extra-vars` declare, while the client watches. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findProjectRoot } from '../../language/playbook/project.ts';
import type { RunEvent } from '../../run/events.ts';
import { run } from '../../run/run.ts';
import { ExitStatus, failure } from '../../support/diagnostic.ts';
import { packageRoot } from '../../support/package-root.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { MinioScene } from './scene.ts';

const PLAYBOOK = path.join('playbooks', 'minio.yml');

/** @throws Diagnostic with the first failed tasks */
export async function applyStore(scene: MinioScene): Promise<void> {
  const inventory = scene.store.inventories[0] ?? '.';
  const own = path.join(findProjectRoot(inventory), PLAYBOOK);
  const troubles: string[] = [];
  const event = (e: RunEvent): void => {
    if (e.type !== 'task') return;
    if (e.status === 'failed' || e.status === 'unreachable') troubles.push(`${e.host}: ${e.task}: ${e.error ?? ''}`);
    if (e.status === 'changed') scene.note('seen', `${e.host}: ${safeLine(e.task)}`);
  };
  const never = uninterrupted();
  const status = await scene.unlocked(() => run({
    mode: 'apply', inventory: scene.store.inventories, playbooks: [existsSync(own) ? own : path.join(packageRoot(), PLAYBOOK)], limit: undefined, tags: [], skipTags: [], forks: 30,
    extraVars: scene.extraVars, startAtTask: undefined, diff: false, becomePassword: scene.store.nodes[0]?.become.password,
    lockWaitSeconds: 60, reporter: { event, close: () => Promise.resolve() }, stop: never, kill: never, prompt: undefined,
  }));
  if (status !== ExitStatus.ok) throw failure('apply-failed', `playbooks/minio.yml ended with status ${String(status)}`, { detail: troubles.slice(0, 3).join('\n') });
}
