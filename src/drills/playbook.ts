/** Runs a playbook with what the inventory and `--extra-vars` declare, while a drill's client watches. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findProjectRoot } from '../language/playbook/project.ts';
import type { RunEvent } from '../run/events.ts';
import { run } from '../run/run.ts';
import { ExitStatus, failure } from '../support/diagnostic.ts';
import { packageRoot } from '../support/package-root.ts';
import type { Secret } from '../support/secret.ts';
import { safeLine } from '../support/terminal-text.ts';
import { uninterrupted } from '../support/uninterrupted.ts';
import type { BaseScene } from './drill.ts';

export interface PlaybookOptions {
  readonly inventories: readonly string[];
  /** `minio.yml`; the project's own goes before the one of the program. */
  readonly name: string;
  /** Of --ask-become-pass or the inventory. */
  readonly becomePassword: Secret | undefined;
}

/** Notes each task that changed something. @throws Diagnostic with the first failed tasks */
export async function applyPlaybook(scene: BaseScene, { inventories, name, becomePassword }: PlaybookOptions): Promise<void> {
  const playbook = path.join('playbooks', name);
  const own = path.join(findProjectRoot(inventories[0] ?? '.'), playbook);
  const troubles: string[] = [];
  const event = (e: RunEvent): void => {
    if (e.type !== 'task') return;
    if (e.status === 'failed' || e.status === 'unreachable') troubles.push(`${e.host}: ${e.task}: ${e.error ?? ''}`);
    if (e.status === 'changed') scene.note('seen', `${e.host}: ${safeLine(e.task)}`);
  };
  const never = uninterrupted();
  const status = await scene.unlocked(() => run({
    mode: 'apply', inventory: inventories, playbooks: [existsSync(own) ? own : path.join(packageRoot(), playbook)], limit: undefined, tags: [], skipTags: [], forks: 30,
    extraVars: scene.extraVars, startAtTask: undefined, diff: false, becomePassword,
    lockWaitSeconds: 60, reporter: { event, close: () => Promise.resolve() }, stop: never, kill: never, prompt: undefined,
  }));
  if (status !== ExitStatus.ok) throw failure('apply-failed', `playbooks/${name} ended with status ${String(status)}`, { detail: troubles.slice(0, 3).join('\n') });
}
