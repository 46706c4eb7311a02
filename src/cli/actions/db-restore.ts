/** `db restore`: asks for the cluster's name, then runs playbooks/postgres-restore.yml. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { restorePlaybook } from '../../operations/postgres/restore.ts';
import { Diagnostic, type ExitStatus } from '../../support/diagnostic.ts';
import type { DbRestoreFlags } from '../commands/db.ts';
import type { CliContext } from '../context.ts';
import { askOnTerminal } from '../terminal/prompt.ts';
import { clusterOf } from './db.ts';
import { runAction } from './run.ts';

function refused(code: string, summary: string, remedy: string): Diagnostic {
  return new Diagnostic({ kind: 'usage', code, summary, remedy });
}

/** @throws Diagnostic when it is not confirmed with the cluster's name */
async function confirmedName(context: CliContext, cluster: string, flags: DbRestoreFlags): Promise<void> {
  const what = `The cluster ${cluster} goes back to ${flags.to}: what was written since is set aside, all members are made anew, and nobody can write meanwhile.`;
  if (flags.confirm !== undefined) {
    if (flags.confirm !== cluster) throw refused('not-confirmed', `--confirm wants the cluster's name, ${cluster}, not ${flags.confirm}`, `add --confirm ${cluster} when it is meant`);
    return;
  }
  if (!context.interactive) throw refused('not-confirmed', 'a restore must be confirmed, and there is nobody at a terminal', `add --confirm ${cluster} when it is meant`);
  context.stderr.write(`${what}\n`);
  if ((await askOnTerminal("To go on, type the cluster's name", false)).trim() !== cluster) throw refused('not-confirmed', 'not confirmed: nothing was done', `the cluster's name is ${cluster}`);
}

export async function dbRestoreAction(context: CliContext, inventory: string, flags: DbRestoreFlags): Promise<ExitStatus> {
  const cluster = await clusterOf(context, inventory, flags);
  const playbook = restorePlaybook(inventory);
  if (!existsSync(playbook)) throw refused('no-playbook', `there is no ${path.basename(playbook)} in this project`, 'it comes with role postgres_backup');
  await confirmedName(context, cluster.name, flags);
  const variables = [`postgres_restore_to=${JSON.stringify(flags.to)}`, `postgres_restore_confirm=${cluster.name}`, ...(flags.host === undefined ? [] : [`postgres_restore_host=${flags.host}`])];
  return runAction(context, {
    mode: 'apply',
    inventory,
    playbooks: [playbook],
    flags: { ...flags, extraVars: [...flags.extraVars, ...variables], playbook: [], tags: [], skipTags: [], forks: 30, lockWait: 0, verbose: 0 },
  });
}
