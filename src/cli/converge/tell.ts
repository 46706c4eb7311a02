/** Whom to tell of the nightly run, also when its playbooks or roles cannot be read, and what of a run that is none. */
import { hostname } from 'node:os';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import type { Ailment } from '../../run/converge/health.ts';
import { userName } from '../../support/process.ts';
import { packageVersion } from '../../support/package-root.ts';
import type { ValueMap } from '../../support/value.ts';
import { readNotify, type Notify } from '../notify/config.ts';
import type { Message } from '../notify/digest.ts';
import { NO_COUNTS } from '../reporters/counts.ts';
import type { RunReport } from '../report/model.ts';

/**
 * `notify` by the inventory alone.
 *
 * @returns undefined when it has none
 * @throws Diagnostic or DiagnosticList when the inventory cannot be read
 */
export function whomToTell(inventories: readonly string[], extraVars: ValueMap): Notify | undefined {
  const secrets = inventorySecrets(inventories);
  const inventory = loadInventory(inventories, { decryptFile: secrets.decryptFile });
  return readNotify({ inventory, secrets }, extraVars);
}

/** A report of nothing, for what ended before it began or is told of without a run. */
export function emptyReport(of: { readonly inventory: string; readonly playbook: string; readonly aborted: string; readonly status: RunReport['status'] }): RunReport {
  return {
    run: '', recorded: false, mode: 'apply', version: packageVersion(), controller: hostname(), user: userName(), origin: undefined, arguments: [], revisions: [], startedAt: '', endedAt: undefined, seconds: undefined,
    total: NO_COUNTS, roles: {}, hosts: [], changes: [], troubles: [], slowest: [], warnings: [], observations: [], leftOut: [], ...of,
  };
}

const HEADLINES: Readonly<Record<Ailment, string>> = {
  missed: 'the nightly run was MISSED',
  hung: 'the nightly run HANGS',
  died: 'the nightly run has DIED',
};

/** The message about a run that was missed, hangs or has died. @param more lines of what else is known */
export function alarm(what: Ailment, inventory: string, lines: readonly string[], link: string | undefined, now: number): Message {
  return { report: emptyReport({ inventory, playbook: '', aborted: lines.join('\n'), status: undefined }), events: [what], recovered: [], link, now, headline: HEADLINES[what] };
}
