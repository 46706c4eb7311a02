/** Changes that wait to be sent, or have been. */
import type { Secret } from '../support/secret.ts';
import type { Script } from '../support/shell.ts';
import type { Identity } from './identity.ts';
import type { KeepAs } from './keep/entries.ts';
import type { Change, ServiceChange, ShellChange } from './plan.ts';

/** A change that waits, or has been sent; the owner is told when it was made. */
export interface Pending<C extends Change> {
  readonly change: C;
  readonly identity: Identity;
  readonly environment: Readonly<Record<string, string | Secret>>;
  readonly timeoutSeconds: number;
  /** Read-only or bookkeeping shell that is run before the change (write-ahead notes). */
  readonly before: Script | undefined;
  /** How what it replaces is kept; undefined: it is not. */
  readonly keepAs?: KeepAs;
  done(): void;
}
export type PendingChange = Pending<Change>;

/** Changes that are made in one go. */
export type Batch =
  | { readonly by: 'shell'; readonly changes: readonly [Pending<ShellChange>, ...Pending<ShellChange>[]] }
  | { readonly by: 'service'; readonly changes: readonly [Pending<ServiceChange>, ...Pending<ServiceChange>[]] };

function isShell(pending: PendingChange): pending is Pending<ShellChange> {
  return pending.change.script !== undefined;
}

function isService(pending: PendingChange): pending is Pending<ServiceChange> {
  return pending.change.call !== undefined;
}

/** The batch with one more change; undefined when it must be sent before that one. */
export function withChange(batch: Batch | undefined, pending: PendingChange): Batch | undefined {
  if (isShell(pending)) {
    if (batch === undefined) return { by: 'shell', changes: [pending] };
    return batch.by === 'shell' ? { by: 'shell', changes: [...batch.changes, pending] } : undefined;
  }
  if (!isService(pending)) throw new Error('a change is made by a script or by a call');
  if (batch === undefined) return { by: 'service', changes: [pending] };
  return batch.by === 'service' ? { by: 'service', changes: [...batch.changes, pending] } : undefined;
}

/** A batch stopped at `pending`; everything after it was not run. */
export class ChangeFailed extends Error {
  override readonly name = 'ChangeFailed';
  readonly pending: PendingChange;
  readonly notRun: readonly PendingChange[];
  constructor(pending: PendingChange, reason: string, notRun: readonly PendingChange[]) {
    super(reason);
    this.pending = pending;
    this.notRun = notRun;
  }
}
