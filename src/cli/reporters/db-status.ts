/** A cluster's state as text for 80 columns, and as JSON. */
import type { ClusterStatus } from '../../operations/postgres/status.ts';
import type { ClusterView, MemberView } from '../../operations/postgres/view.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { columns } from '../terminal/columns.ts';
import type { Paint } from '../terminal/colour.ts';

/** Bytes for people: `0`, `640 B`, `1.5 MiB`. */
export function bytes(count: number | undefined | null): string {
  if (count === undefined || count === null) return '?';
  if (count === 0) return '0';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(count) / 10));
  const value = count / 1024 ** power;
  return `${power === 0 || value >= 100 ? String(Math.round(value)) : value.toFixed(1)} ${units[power] ?? ''}`;
}

/** Seconds for people, one unit: `40 s`, `12 min`, `5 h`, `3 d`. */
export function age(seconds: number | undefined | null): string {
  if (seconds === undefined || seconds === null) return '–';
  if (seconds < 90) return `${String(Math.round(seconds))} s`;
  if (seconds < 5400) return `${String(Math.round(seconds / 60))} min`;
  return seconds < 172_800 ? `${String(Math.round(seconds / 3600))} h` : `${String(Math.round(seconds / 86_400))} d`;
}

function tagsOf(member: MemberView): string {
  return Object.entries(member.tags).filter(([, value]) => value !== false && value !== null).map(([tag, value]) => (value === true ? tag : `${tag}=${JSON.stringify(value)}`)).join(' ');
}

/** The members as a table, without colours. @param lagSeconds by member, where it is known */
export function memberLines(view: ClusterView, lagSeconds: ReadonlyMap<string, number | null> = new Map()): readonly string[] {
  const rows = view.members.map((m) => [
    m.name,
    m.role ?? '–',
    m.state,
    m.timeline === undefined ? '?' : String(m.timeline),
    m.role === 'leader' ? '' : bytes(m.lagBytes),
    m.role === 'leader' || !lagSeconds.has(m.name) ? '' : `${String(lagSeconds.get(m.name) ?? 0)} s`,
    [tagsOf(m), m.pendingRestart ? 'restart pending' : '', m.replayPaused ? 'replay paused' : '', m.failsafeActive ? 'failsafe' : ''].filter((word) => word !== '').join(', '),
  ]);
  return columns([['member', 'role', 'state', 'timeline', 'behind', '', ''], ...rows]);
}

/** Without a final newline. */
export function statusText(status: ClusterStatus, paint: Paint): string {
  const { view, facts, backups } = status;
  const lag = new Map((facts?.replication ?? []).map((r) => [r.name, r.lag_seconds] as const));
  const healthy = status.problems.length === 0;
  const lines = [
    `${paint('bold', `cluster ${safeLine(status.cluster)}`)}  ${healthy ? paint('green', 'healthy') : paint('red', 'NOT HEALTHY')}${facts === undefined ? '' : `  PostgreSQL ${safeLine(facts.version)}, ${bytes(facts.size_bytes)}`}`,
    '',
    ...memberLines(view, lag).map((line, i) => (i === 0 ? paint('gray', line) : line)),
    '',
  ];
  const put = (label: string, text: string): void => { lines.push(`${label.padEnd(13)} ${safeLine(text)}`); };
  const config = view.config;
  if (config !== undefined) put('replication', `synchronous_mode ${config.synchronousMode}, failsafe ${config.failsafe ? 'on' : 'off'}, ttl ${String(config.ttl ?? '?')} s${view.paused ? ', PAUSED' : ''}`);
  if (facts !== undefined) {
    const { connections: c, oldest_transaction: transaction, oldest_prepared: prepared } = facts;
    put('connections', `${String(c.total)} of ${String(c.most)}; ${String(c.active)} active, ${String(c.idle_in_transaction)} idle in transaction, ${String(c.waiting)} waiting for a lock`);
    put('transactions', `oldest ${transaction === null ? 'none' : age(transaction.seconds)}; oldest prepared ${prepared === null ? 'none' : age(prepared.seconds)}`);
    put('slots', facts.slots.length === 0 ? 'none' : facts.slots.map((s) => `${s.name} ${s.active ? '' : 'INACTIVE '}${bytes(Math.max(0, s.retained_bytes ?? 0))}`).join(', '));
  }
  for (const repository of backups?.repositories ?? []) {
    const { full, diff, incr } = repository.newest ?? {};
    put(`backup ${String(repository.key)}`, `full ${age(full?.age_seconds)}, differential ${age(diff?.age_seconds)}, incremental ${age(incr?.age_seconds)} ago${repository.ok ? '' : ' (NOT OK)'}`);
  }
  if (backups?.archive !== undefined && backups.archive !== null) put('archive', `last WAL ${age(backups.archive.age_seconds)} ago, ${String(backups.archive.waiting_files ?? 0)} waiting`);
  for (const proof of backups?.restore_proofs ?? []) put('restore proof', `${age(proof.age_seconds)} ago`);
  if (backups === undefined) put('backups', 'none set up');
  put('certificates', status.certificates.map(({ host, first }) => `${host} ${first === undefined ? '?' : `${String(first.days)} d`}`).join(', '));
  for (const problem of status.problems) lines.push(`${paint('red', 'problem'.padEnd(13))} ${safeLine(problem)}`);
  for (const warning of status.warnings) lines.push(`${paint('yellow', 'warning'.padEnd(13))} ${safeLine(warning)}`);
  return lines.join('\n');
}

/** The object of `db status --output json`; sizes in bytes, times in seconds, certificates in days. */
export function statusJson(status: ClusterStatus): Readonly<Record<string, unknown>> {
  const { view, facts } = status;
  return {
    type: 'status', cluster: status.cluster, healthy: status.problems.length === 0, leader: view.leader ?? null, paused: view.paused, scheduled_switchover: view.scheduledSwitchover ?? null,
    members: view.members.map((m) => ({
      name: m.name, role: m.role ?? null, state: m.state, timeline: m.timeline ?? null, lag_bytes: m.lagBytes ?? null, lag_seconds: facts?.replication.find((r) => r.name === m.name)?.lag_seconds ?? (m.role === 'leader' ? null : 0),
      replay_paused: m.replayPaused, pending_restart: m.pendingRestart, failsafe: m.failsafeActive, reachable: m.reachable, tags: m.tags, certificate_days: status.certificates.find((c) => c.host === m.name)?.first?.days ?? null,
    })),
    configuration: view.config === undefined ? null : { synchronous_mode: view.config.synchronousMode, failsafe_mode: view.config.failsafe, ttl: view.config.ttl ?? null, maximum_lag_on_failover: view.config.maximumLagOnFailover ?? null },
    postgresql: facts ?? null, backups: status.backups ?? null, problems: status.problems, warnings: status.warnings,
  };
}
