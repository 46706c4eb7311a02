/**
 * What to do about a stanza, from what the repositories hold and which cluster runs. Pure.
 *
 * Rules: a repository that holds another cluster's backups is never touched; which cluster it is says the system
 * identifier that initdb gives once (pg_control), and after pg_upgrade the cluster has a new one, so that only a person
 * or the upgrade's playbook can tell an upgraded cluster from a new one.
 */
import type { PgbackrestFact, PgbackrestRepository } from '../../host/kinds/pgbackrest.ts';
import type { PgbackrestStanzaArgs } from './schema.ts';

export type Step =
  | { readonly type: 'done' }
  | { readonly type: 'refuse'; readonly msg: string; readonly remedy: string }
  /** `keys`: repositories that lack it. The command makes it in these and leaves the others. */
  | { readonly type: 'create'; readonly keys: readonly number[] }
  | { readonly type: 'upgrade'; readonly keys: readonly number[]; readonly from: string };

/** Statuses of a repository that has no stanza yet, or only its empty directory. */
const WITHOUT_STANZA = [1, 3];
const UNREACHABLE = 99;

const refuse = (msg: string, remedy: string): Step => ({ type: 'refuse', msg, remedy });
const names = (keys: readonly number[]): string => keys.map((key) => `repo${String(key)}`).join(', ');

function newestOf(repository: PgbackrestRepository): string {
  const newest = [...repository.backups].sort((a, b) => b.stop - a.stop)[0];
  return newest === undefined ? 'no backup' : `newest backup ${newest.label}`;
}

function foreign(args: PgbackrestStanzaArgs, repository: PgbackrestRepository, here: string): Step {
  const there = repository.cluster;
  const what = there === undefined ? '' : ` (PostgreSQL ${there.version}, system identifier ${there.systemId}, ${newestOf(repository)})`;
  return refuse(
    `repo${String(repository.key)} holds stanza ${args.stanza} of another cluster${what}; ${here}`,
    `nothing was changed there. To bring that cluster back: playbooks/postgres-restore.yml. If this one is new on purpose: give it another postgres_backup_stanza. If it is that one after a major upgrade: --extra-vars '{"postgres_backup_stanza_upgrade": true}'`,
  );
}

/** @param checkMode the program, its configuration or the cluster may be what an earlier task of this run would make */
export function decideStanza(args: PgbackrestStanzaArgs, fact: PgbackrestFact, checkMode: boolean): Step {
  if (!fact.configured) return checkMode ? { type: 'create', keys: args.repositories } : refuse('pgbackrest or /etc/pgbackrest/pgbackrest.conf is missing here', 'run the whole role postgres_backup, not a part of it');
  if (fact.error !== undefined) {
    // Its configuration is not yet what this run would make of it.
    return checkMode && fact.cluster === undefined ? { type: 'create', keys: args.repositories } : refuse(`pgbackrest info: ${fact.error}`, 'see /etc/pgbackrest/pgbackrest.conf, and systemctl status care-pgbackrest on the repository hosts');
  }
  const known = args.repositories.map((key) => fact.repositories.find((r) => r.key === key));
  const unreachable = known.find((r) => r?.code === UNREACHABLE && r.cluster === undefined);
  if (unreachable !== undefined && !checkMode) return refuse(`repo${String(unreachable.key)} can't be asked: ${unreachable.message}`, 'systemctl status care-pgbackrest on its host; the port is open both ways; the passphrase is the one that it was made with');
  const cluster = fact.cluster;
  const existing = known.flatMap((r) => (r?.cluster === undefined ? [] : [{ repository: r, cluster: r.cluster }]));
  if (cluster === undefined) {
    const [first] = existing;
    if (first !== undefined) return foreign(args, first.repository, 'this host has no data, so a new cluster would be made');
    return checkMode ? { type: 'create', keys: args.repositories } : refuse(`${args.data_dir} has no cluster`, 'the stanza is made on the leader');
  }
  // In check mode a server may be down that this run would start: what it holds is what it held when this host was configured.
  const missing = args.repositories.filter((_, i) => known[i]?.cluster === undefined && known[i]?.code !== UNREACHABLE);
  const broken = known.find((r) => r !== undefined && r.cluster === undefined && !WITHOUT_STANZA.includes(r.code) && r.code !== UNREACHABLE);
  if (broken !== undefined) return refuse(`repo${String(broken.key)}: ${broken.message}`, 'look at the repository: pgbackrest info and repo-ls on its host');
  const others = existing.filter((e) => e.cluster.systemId !== cluster.systemId || e.cluster.version !== cluster.version);
  const [other] = others;
  if (other !== undefined) {
    const later = Number(cluster.version) > Number(other.cluster.version) && other.cluster.systemId !== cluster.systemId;
    if (!args.upgrade || !later) return foreign(args, other.repository, `the cluster here is PostgreSQL ${cluster.version}, system identifier ${cluster.systemId}`);
    return { type: 'upgrade', keys: others.map((e) => e.repository.key), from: other.cluster.version };
  }
  return missing.length > 0 ? { type: 'create', keys: missing } : { type: 'done' };
}

export function describeStep(step: Exclude<Step, { readonly type: 'done' | 'refuse' }>): string {
  return step.type === 'create' ? `create it in ${names(step.keys)}` : `upgrade it from PostgreSQL ${step.from} in ${names(step.keys)}`;
}
