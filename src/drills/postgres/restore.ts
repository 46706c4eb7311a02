/** What the drills on backups share: that there are some, the playbook, and what is left aside afterwards. */
import { backupsOf } from '../../operations/postgres/facts.ts';
import { restorePlaybook } from '../../operations/postgres/restore.ts';
import { run } from '../../run/run.ts';
import type { RunEvent } from '../../run/events.ts';
import { ExitStatus, failure } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { sh } from '../../support/shell.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import type { PostgresScene } from './scene.ts';

/** @throws Diagnostic unless a repository has a backup, and WAL is archived */
export async function needBackups(scene: PostgresScene): Promise<void> {
  const seen = await backupsOf(scene.leader, scene.hosts);
  const why = seen === undefined ? 'role postgres_backup has not been applied' : typeof seen === 'string' ? seen : seen.problems[0] ?? (seen.repositories.some((r) => r.ok && typeof r.newest_age_seconds === 'number') ? undefined : 'no repository has a backup');
  if (why !== undefined) throw failure('no-backups', `this drill needs backups: ${why}`, { remedy: 'care-provision apply INVENTORY playbooks/postgres-backup.yml, then care-provision db status' });
}

/** Seconds to wait for the archive. */
const ARCHIVE_SECONDS = 120;

/** Ends the WAL file that is written now, and waits until it is in the archive. */
export async function archiveNow(scene: PostgresScene): Promise<void> {
  const { sql, leader } = scene;
  const [row] = await sql.rows(leader, 'postgres', "SELECT pg_walfile_name(pg_logical_emit_message(true, 'care-drill', 'x')), pg_switch_wal()");
  const wanted = row?.[0] ?? '';
  const deadline = performance.now() + ARCHIVE_SECONDS * 1000;
  for (;;) {
    const [archived] = await sql.rows(leader, 'postgres', 'SELECT coalesce(last_archived_wal, $$$$) FROM pg_stat_archiver');
    if ((archived?.[0] ?? '') >= wanted) return;
    if (performance.now() > deadline) throw failure('not-archived', `${wanted} is not in the archive after ${String(ARCHIVE_SECONDS)} s`, { remedy: 'look at pg_stat_archiver and at the journal of care-patroni' });
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Runs playbooks/postgres-restore.yml. @throws Diagnostic with the first failed task */
export async function restoreCluster(scene: PostgresScene, to: string): Promise<void> {
  const playbook = restorePlaybook(scene.cluster.inventories[0] ?? '.');
  const troubles: string[] = [];
  const event = (e: RunEvent): void => {
    if (e.type === 'task' && (e.status === 'failed' || e.status === 'unreachable')) troubles.push(`${e.host}: ${e.task}: ${e.error ?? ''}`);
    if (e.type === 'task' && e.status === 'changed' && e.role === 'postgres_backup') scene.note('seen', `${e.host}: ${safeLine(e.task)}`);
  };
  const never = uninterrupted();
  const status = await scene.unlocked(() => run({
    mode: 'apply', inventory: scene.cluster.inventories, playbooks: [playbook], limit: undefined, tags: [], skipTags: [], forks: 30,
    extraVars: { ...scene.extraVars, postgres_restore_to: to, postgres_restore_confirm: scene.cluster.name }, startAtTask: undefined, diff: false, becomePassword: scene.leader.become.password,
    lockWaitSeconds: 60, reporter: { event, close: () => Promise.resolve() }, stop: never, kill: never, prompt: undefined,
  }));
  if (status !== ExitStatus.ok) throw failure('restore-failed', `the restore ended with status ${String(status)}`, { detail: troubles.slice(0, 3).join('\n') });
}

/** The directories that earlier lives of the data were put aside to, by host. */
export async function formerLives(scene: PostgresScene, data: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const found = new Map<string, readonly string[]>();
  for (const member of scene.cluster.members) found.set(member.name, (await scene.hosts.text(member, sh`ls -d ${data}.former-* 2>/dev/null || true`)).split('\n').filter((line) => line !== ''));
  return found;
}

/** Removes what was put aside since: the drill's own. `--destroy` has allowed it. */
export async function removeSince(scene: PostgresScene, data: string, before: ReadonlyMap<string, readonly string[]>): Promise<void> {
  const now = await formerLives(scene, data);
  for (const member of scene.cluster.members) {
    for (const directory of now.get(member.name) ?? []) if (!(before.get(member.name) ?? []).includes(directory)) await scene.hosts.text(member, sh`rm -rf -- ${directory}`, 120);
  }
}

