/** Tallies of task results, per host, per role and in all. */
import { ExitStatus } from '../support/diagnostic.ts';
import type { Counts, RunMode, TaskStatus } from './events.ts';

type Mutable = { -readonly [K in keyof Counts]: Counts[K] };

export function noCounts(): Mutable {
  return { ok: 0, changed: 0, failed: 0, unreachable: 0, skipped: 0, unknown: 0, rescued: 0, ignored: 0 };
}

/** As Ansible counts: a changed task counts as ok as well; an ignored failure as ok and ignored. */
function add(counts: Mutable, status: TaskStatus): void {
  if (status === 'changed' || status === 'ignored') counts.ok += 1;
  counts[status] += 1;
}

export class Tally {
  readonly #hosts = new Map<string, Mutable>();
  readonly #roles = new Map<string, Mutable>();
  readonly #total = noCounts();
  /** Hosts that another run holds: their failure is that alone. */
  readonly #locked = new Set<string>();
  readonly #slowest: { host: string; role: string; task: string; seconds: number }[] = [];

  /** Makes a host appear in the summary even when no task runs on it. */
  know(host: string): void {
    if (!this.#hosts.has(host)) this.#hosts.set(host, noCounts());
  }

  count(host: string, role: string, task: string, status: TaskStatus, seconds: number): void {
    this.know(host);
    const ofHost = this.#hosts.get(host);
    if (ofHost !== undefined) add(ofHost, status);
    const ofRole = this.#roles.get(role) ?? noCounts();
    add(ofRole, status);
    this.#roles.set(role, ofRole);
    add(this.#total, status);
    if (seconds >= 0.01) {
      this.#slowest.push({ host, role, task, seconds });
      this.#slowest.sort((a, b) => b.seconds - a.seconds);
      this.#slowest.splice(10);
    }
  }

  /** A failure that a rescue took care of: it no longer counts as one. */
  rescue(host: string, role: string): void {
    for (const counts of [this.#hosts.get(host), this.#roles.get(role), this.#total]) {
      if (counts === undefined) continue;
      counts.failed -= 1;
      counts.rescued += 1;
    }
  }

  /** The host failed for no other reason than that another run works on it. */
  lockedOut(host: string): void {
    this.#locked.add(host);
  }

  get total(): Counts {
    return { ...this.#total };
  }

  hosts(): Readonly<Record<string, Counts>> {
    return Object.fromEntries([...this.#hosts].map(([name, counts]) => [name, { ...counts }]));
  }

  roles(): Readonly<Record<string, Counts>> {
    return Object.fromEntries([...this.#roles].map(([name, counts]) => [name, { ...counts }]));
  }

  slowest(): readonly { readonly host: string; readonly role: string; readonly task: string; readonly seconds: number }[] {
    return this.#slowest;
  }

  /** The exit status that the results promise: failed before unreachable before locked before drift. */
  exitStatus(mode: RunMode): ExitStatus {
    if (this.#total.failed > this.#locked.size) return ExitStatus.failed;
    if (this.#total.unreachable > 0) return ExitStatus.unreachable;
    if (this.#locked.size > 0) return ExitStatus.locked;
    if (mode === 'check' && (this.#total.changed > 0 || this.#total.unknown > 0)) return ExitStatus.drift;
    return ExitStatus.ok;
  }
}
