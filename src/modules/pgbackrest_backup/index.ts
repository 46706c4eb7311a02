import { z } from 'zod';
import { pgbackrest, type PgbackrestFact } from '../../host/kinds/pgbackrest.ts';
import { makeProbe } from '../../host/observe.ts';
import { changeScript } from '../../host/host-session.ts';
import { action, converge, failed, ok, type ActionPort, type ActionResult, type Plan } from '../../host/plan.ts';
import { forgetKinds, type Effect, type Query } from '../../host/query.ts';
import type { Observation } from '../../support/observation.ts';
import { rawScript, sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { RepositoryKeys, StanzaName } from '../pgbackrest_stanza/schema.ts';

export const PgbackrestBackupArgs = z.strictObject({
  stanza: StanzaName.describe('Name of the stanza'),
  repositories: RepositoryKeys.describe('Numbers of the repositories of this host that must hold a full backup'),
  unit: z.string().regex(/^[A-Za-z0-9@._-]+\.service$/, 'must be the full name of a service').describe('The oneshot unit that takes a full backup in them'),
  newer_than: z.int().min(0).default(0).describe('Unix time in seconds: only a backup that ended later counts'),
  timeout: z.int().min(60).max(604_800).default(43_200).describe('Seconds that it may take'),
});
type PgbackrestBackupArgs = z.output<typeof PgbackrestBackupArgs>;

const sideEffects: readonly Effect[] = [forgetKinds('pgbackrest', 'unit', 'command-output', 'command-status')];

const queryOf = (args: PgbackrestBackupArgs): Query<PgbackrestFact> => pgbackrest({ stanza: args.stanza, dataDir: '', binDir: '' });

/** Repositories without a full backup of the cluster that their stanza is for now. */
export function withoutBackup(args: PgbackrestBackupArgs, fact: PgbackrestFact): readonly number[] {
  return args.repositories.filter((key) => {
    const repository = fact.repositories.find((r) => r.key === key);
    return repository?.cluster === undefined || !repository.backups.some((b) => b.type === 'full' && b.databaseId === repository.cluster?.id && b.stop > args.newer_than);
  });
}

const describeKeys = (keys: readonly number[]): string => `full backup in ${keys.map((key) => `repo${String(key)}`).join(', ')}`;

async function observe(port: ActionPort, query: Query<PgbackrestFact>): Promise<PgbackrestFact> {
  const probe = makeProbe([query]);
  const outcome = await port.run(probe.script, { timeoutSeconds: 90 });
  // The probe's own parser made this fact.
  return probe.read('the host', outcome.stdout).get(query.id) as PgbackrestFact;
}

async function converse(port: ActionPort, args: PgbackrestBackupArgs): Promise<ActionResult> {
  const query = queryOf(args);
  const before = withoutBackup(args, await observe(port, query));
  if (before.length === 0) return { changed: false, values: { repositories: [] } };
  // A start while it runs waits for the run that is under way.
  const ran = await port.run(changeScript(sh`systemctl start ${args.unit} || { journalctl --no-pager -o cat -n 20 -u ${args.unit} >&2; exit 1; }`), { timeoutSeconds: args.timeout });
  const what = describeKeys(before);
  if (ran.state !== 'done' || ran.status !== 0) return { changed: true, failed: true, msg: `${what}: ${ran.state === 'timed-out' ? `not done after ${String(args.timeout)} s; it goes on in ${args.unit}` : ran.stderr.toString('utf8').trim()}` };
  const after = withoutBackup(args, await observe(port, query));
  if (after.length > 0) return { changed: true, failed: true, msg: `${args.unit} has succeeded, and there is still no ${describeKeys(after)}` };
  return { changed: true, msg: what, values: { repositories: [...before] } };
}

/** The newest of each type in each repository. */
function backupsSeen(args: PgbackrestBackupArgs, fact: PgbackrestFact): readonly Observation[] {
  return fact.repositories.flatMap((repository) =>
    ['full', 'diff', 'incr'].flatMap((type): readonly Observation[] => {
      const stops = repository.backups.filter((b) => b.type === type).map((b) => b.stop);
      const name = `${args.stanza}, repo${String(repository.key)}, ${type}`;
      if (stops.length > 0) return [{ subject: 'backup', name, time: new Date(Math.max(...stops) * 1000).toISOString() }];
      return type === 'full' ? [{ subject: 'backup', name, state: 'absent' }] : [];
    }),
  );
}

function plan(args: PgbackrestBackupArgs, fact: PgbackrestFact, checkMode: boolean): Plan {
  const resource = `first backup of ${args.stanza}`;
  const keys = withoutBackup(args, fact);
  if (keys.length === 0) return ok({ repositories: [] });
  if (checkMode) {
    if (fact.error !== undefined) return failed(`pgbackrest info: ${fact.error}`, 'see /etc/pgbackrest/pgbackrest.conf');
    return converge([{ resource, what: describeKeys(keys), script: rawScript(':'), effects: sideEffects }], { repositories: [...keys] });
  }
  return action({ resource, what: describeKeys(keys), mutates: true, effects: sideEffects, timeoutSeconds: args.timeout + 600, perform: { type: 'conversation', converse: (port) => converse(port, args) } });
}

export const pgbackrestBackup = defineModule({
  name: 'pgbackrest_backup',
  summary: 'Take a first full backup where there is none',
  description: `A cluster without a backup is not done: starts the unit that takes full backups in this host's repositories when one of them
holds no full backup of the cluster that its stanza is for, and waits for it. Schedules are systemd's business.`,
  args: PgbackrestBackupArgs,
  examples: [{ title: 'In the repository of this host', yaml: 'pgbackrest_backup:\n  stanza: care\n  repositories: [1]\n  unit: care-postgres-backup@full.service\n' }],
  returns: { repositories: 'numbers of the repositories that got one' },
  queries: (args) => [queryOf(args)],
  observes: (args, _values, host) => (host === undefined ? [] : backupsSeen(args, host.fact(queryOf(args)))),
  plan: (args, host) => plan(args, host.fact(queryOf(args)), host.checkMode),
});
