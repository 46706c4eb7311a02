/** `db status`: everything that is known of a cluster at one moment, and a judgement of it. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { backupsOf, certificatesOf, leaderFacts, type BackupFacts, type CertificateLeft, type LeaderFacts } from './facts.ts';
import type { Cluster } from './cluster.ts';
import type { HostAccess } from '../hosts.ts';
import { clusterCa, observer } from './observe.ts';
import { adminSql } from './sql.ts';
import { LAG_WARNING_BYTES, problemsOf, type ClusterView } from './view.ts';

export interface HostCertificates {
  readonly host: string;
  /** The one that ends first; undefined: none seen. */
  readonly first: CertificateLeft | undefined;
}

export interface ClusterStatus {
  readonly cluster: string;
  readonly view: ClusterView;
  /** Undefined: there is no leader to ask, or it does not answer (then a problem says so). */
  readonly facts: LeaderFacts | undefined;
  readonly certificates: readonly HostCertificates[];
  /** Undefined: no backups are set up on the hosts that were asked. */
  readonly backups: BackupFacts | undefined;
  /** Why the cluster is not healthy, a sentence each. */
  readonly problems: readonly string[];
  /** What should be looked at and stops nothing. */
  readonly warnings: readonly string[];
}

/** Thresholds of `db status`; bytes, seconds, days. From rows R19 to R24 of the platform's specification. */
export const LIMITS = {
  lagBytes: LAG_WARNING_BYTES,
  lagSeconds: 10,
  transactionSeconds: 3600,
  preparedSeconds: 600,
  certificateDays: 14,
  connectionsShare: 0.8,
  retainedBytes: 4 * 1024 ** 3,
  frozenXidAge: 500_000_000,
  backupSeconds: 26 * 3600,
  archiveSeconds: 600,
  restoreProofSeconds: 8 * 86_400,
} as const;

/** @throws Diagnostic when no member can be reached */
export async function clusterStatus(cluster: Cluster, hosts: HostAccess): Promise<ClusterStatus> {
  const view = await observer(cluster, hosts, await clusterCa(cluster, hosts)).look();
  const leader = cluster.members.find((m) => m.name === view.leader);
  const sql = adminSql(hosts, cluster.port);
  const asked = leader === undefined ? undefined : leaderFacts(leader, sql).catch((error: unknown) => {
    if (error instanceof Diagnostic) return error.message;
    throw error;
  });
  const reachable = cluster.members.filter((m) => view.members.some((seen) => seen.name === m.name && seen.reachable));
  const [facts, certificates, backups] = await Promise.all([
    asked,
    Promise.all(reachable.map(async (host): Promise<HostCertificates> => {
      const all = await certificatesOf(host, cluster, hosts);
      return { host: host.name, first: [...(all ?? [])].sort((a, b) => a.days - b.days)[0] };
    })),
    Promise.all([...(leader === undefined ? [] : [leader]), ...cluster.backups].map((host) => backupsOf(host, hosts))).then(together),
  ]);
  const known = typeof facts === 'string' ? undefined : facts;
  const seenBackups = typeof backups === 'string' ? undefined : backups;
  const judged = judgeStatus(cluster, { view, facts: known, certificates, backups: seenBackups });
  return {
    cluster: cluster.name, view, facts: known, certificates, backups: seenBackups, warnings: judged.warnings,
    problems: [...judged.problems, ...(typeof facts === 'string' ? [`the leader can't be asked: ${facts}`] : []), ...(typeof backups === 'string' ? [`the backups can't be looked at: ${backups}`] : [])],
  };
}

/** A database host knows all repositories and the archive, a repository's host its own and the proofs. @returns a text when nobody could tell */
export function together(answers: readonly (BackupFacts | string | undefined)[]): BackupFacts | string | undefined {
  const known = answers.filter((answer): answer is BackupFacts => typeof answer === 'object');
  const [first] = known;
  if (first === undefined) return answers.find((answer) => typeof answer === 'string');
  return {
    ...first,
    repositories: known.flatMap((k) => k.repositories).filter((r, i, all) => all.findIndex((other) => other.key === r.key) === i).sort((a, b) => a.key - b.key),
    archive: known.find((k) => k.archive !== undefined && k.archive !== null)?.archive,
    restore_proofs: known.flatMap((k) => k.restore_proofs),
    problems: [...new Set([...known.flatMap((k) => k.problems), ...answers.filter((answer) => typeof answer === 'string')])],
  };
}

/** Judges what was seen. Pure. */
export function judgeStatus(cluster: Cluster, seen: Pick<ClusterStatus, 'view' | 'facts' | 'certificates' | 'backups'>): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  const { view, facts, certificates, backups } = seen;
  const problems = [...problemsOf(view, { expected: cluster.members.map((m) => m.name), maximumLagBytes: LIMITS.lagBytes })];
  const warnings: string[] = [];
  for (const member of view.members) if (member.pendingRestart) warnings.push(`${member.name} must be restarted for a changed parameter to count`);
  for (const { host, first } of certificates) {
    if (first === undefined) warnings.push(`${host}: no certificate was found`);
    else if (first.days < 0) problems.push(`${host}: ${first.file} is no longer valid`);
    else if (first.days < LIMITS.certificateDays) warnings.push(`${host}: ${first.file} is valid for ${String(first.days)} days more`);
  }
  if (facts !== undefined) judgeFacts(facts, problems, warnings);
  if (backups !== undefined) judgeBackups(backups, problems, warnings);
  return { problems, warnings };
}

function judgeFacts(facts: LeaderFacts, problems: string[], warnings: string[]): void {
  const { connections, oldest_transaction: transaction, oldest_prepared: prepared } = facts;
  for (const replica of facts.replication) if ((replica.lag_seconds ?? 0) > LIMITS.lagSeconds) problems.push(`${replica.name} is ${String(Math.round(replica.lag_seconds ?? 0))} s behind`);
  for (const slot of facts.slots) {
    if (slot.wal_status === 'lost') problems.push(`slot ${slot.name} has lost its WAL: its replica must be made anew (care-provision db reinit)`);
    else if (slot.wal_status === 'unreserved') problems.push(`slot ${slot.name} is about to lose its WAL`);
    if ((slot.retained_bytes ?? 0) > LIMITS.retainedBytes) warnings.push(`slot ${slot.name}${slot.active ? '' : ', which nobody uses,'} keeps ${String(Math.round((slot.retained_bytes ?? 0) / 1024 ** 3))} GiB of WAL`);
  }
  if (transaction !== null && transaction.seconds > LIMITS.transactionSeconds) warnings.push(`a transaction is open for ${String(Math.round(transaction.seconds / 60))} min: ${transaction.what}`);
  if (prepared !== null && prepared.seconds > LIMITS.preparedSeconds) warnings.push(`a prepared transaction waits for ${String(Math.round(prepared.seconds / 60))} min: ${prepared.what}`);
  if (connections.total > connections.most * LIMITS.connectionsShare) warnings.push(`${String(connections.total)} of ${String(connections.most)} connections are in use`);
  if (facts.frozen_xid_age > LIMITS.frozenXidAge) warnings.push(`the oldest transaction id is ${String(Math.round(facts.frozen_xid_age / 1e6))} million transactions old: vacuum does not keep up`);
}

function judgeBackups(backups: BackupFacts, problems: string[], warnings: string[]): void {
  problems.push(...backups.problems.map((problem) => `backup: ${problem}`));
  for (const repository of backups.repositories) {
    const age = repository.newest_age_seconds ?? undefined;
    if (age === undefined) problems.push(`backup: repository ${String(repository.key)} has no backup`);
    else if (age > LIMITS.backupSeconds) problems.push(`backup: the newest of repository ${String(repository.key)} is ${String(Math.round(age / 3600))} h old`);
  }
  const archived = backups.archive?.age_seconds;
  if (typeof archived === 'number' && archived > LIMITS.archiveSeconds) warnings.push(`the last WAL file was archived ${String(Math.round(archived / 60))} min ago`);
  for (const proof of backups.restore_proofs) {
    if (typeof proof.age_seconds === 'number' && proof.age_seconds > LIMITS.restoreProofSeconds) warnings.push(`the last proven restore is ${String(Math.round(proof.age_seconds / 86_400))} days old`);
  }
}
