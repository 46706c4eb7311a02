/** A worker: takes shares of a run and carries them out, its own and those that others have left behind, until all are through. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseAddress } from '../../state/postgres-url.ts';
import { sinceBoot } from '../../state/lease.ts';
import { RunShares } from '../../state/run-shares.ts';
import type { ShareLease } from '../../state/shared-run.ts';
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import type { Loaded } from '../load.ts';
import type { RunOptions } from '../options.ts';
import { runLoaded } from '../run.ts';
import { loadAndDigest } from './digest.ts';
import { divisionProblems, madeVariables } from './divisible.ts';
import { Share } from './share.ts';
import { ShareReporter } from './share-reporter.ts';
import { throwProblems } from '../../language/playbook/role-spec.ts';

/** How often a worker looks for a share that was left behind, and whether the run goes on. */
const LOOK_MS = 250;
/** Who had a share before may still be at work until his shell on a host has ended, which sshd sees to (role base: five minutes). */
const LEFT_BEHIND_WAIT_SECONDS = 330;

export interface WorkerRequest {
  readonly run: string;
  readonly database: DatabaseAddress;
  /** Told of shares that are begun and ended. */
  readonly say: (line: string) => void;
}

/** @throws Diagnostic when there is no such run, or it is of something else */
async function checkRun(shares: RunShares, digest: string): Promise<void> {
  const run = await shares.look();
  if (run === undefined) throw badInput('unknown-run', `there is no run ${shares.run} to work at`, { remedy: 'it must be under way: apply … --workers N says its name' });
  if (run.digest !== digest) {
    throw badInput('other-run', `run ${shares.run} is of other files, options or variables, or another version of this program`, { remedy: 'give the worker the same inventory, playbooks and options as the run, from the same revision' });
  }
}

interface Endings {
  /** The run is over. */
  readonly ends: AbortSignal;
  /** The run goes on, without this worker: it was told to stop, or is in trouble. */
  readonly leaves: AbortSignal;
}

async function carryOut(options: RunOptions, shares: RunShares, { lease, asked }: { readonly lease: ShareLease; readonly asked: number }, loaded: Loaded, { ends, leaves }: Endings): Promise<ExitStatus> {
  const order = new Map(loaded.inventory.hosts.map((host, i) => [host, i]));
  const share = new Share({ shares, lease, numberOf: (host) => order.get(host) ?? 0, made: madeVariables(loaded).names, ends: AbortSignal.any([ends, leaves]), asked });
  const reporter = new ShareReporter(share);
  share.tellsFirst(() => reporter.settled());
  const stop = AbortSignal.any([leaves, share.lost, share.inDoubt, ends]);
  const kill = AbortSignal.any([options.kill, share.lost]);
  try {
    const status = await runLoaded(loaded, {
      ...options, reporter, held: share, together: share, stop, kill, lockWaitSeconds: lease.token > 1 ? Math.max(options.lockWaitSeconds, LEFT_BEHIND_WAIT_SECONDS) : options.lockWaitSeconds,
    });
    await reporter.close();
    // One that leaves, while the run goes on, leaves its hosts to the others; so does one that did not know whether they were still its own.
    if ((leaves.aborted && !ends.aborted) || share.inDoubt.aborted || share.lost.aborted) await shares.giveBack(lease);
    else if (reporter.summary !== undefined) await share.finish(JSON.stringify(reporter.summary));
    return status;
  } catch (error) {
    // Whoever asks next goes on with it; what kept this worker from it is told by this worker.
    await reporter.close().catch(() => undefined);
    const back = await shares.giveBack(lease).then(() => true, () => false);
    // With a worker that was merely late there is nothing wrong: it may take what others leave behind.
    if (back && (share.lost.aborted || share.inDoubt.aborted)) return ExitStatus.locked;
    throw error;
  } finally {
    await share.release();
  }
}

/**
 * Takes shares of a run, and carries them out, until it is over.
 *
 * @param now when a lease is asked for: milliseconds since boot
 * @returns ok when all shares are through, interrupted when this worker was told to stop
 * @throws what keeps the worker from working, when nothing of it is under way any more
 */
export async function takeShares(options: RunOptions, loaded: Loaded, shares: RunShares, say: WorkerRequest['say'], now: () => number = sinceBoot): Promise<ExitStatus> {
  const over = new AbortController();
  const leaving = new AbortController();
  const leaves = AbortSignal.any([options.stop, leaving.signal]);
  const working = new Set<Promise<void>>();
  let trouble: unknown;
  // With all its shares: one whose hosts wait for those of a share that was given back would wait for ever, if nobody else is there to take that.
  const leave = (error: unknown): void => {
    trouble ??= error;
    leaving.abort();
  };
  let own = false;
  try {
    for (;;) {
      const state = await shares.look();
      // With nothing in hand, it is no matter whether it was ended or is through.
      if (state?.done === true || (working.size === 0 && own && state?.goesOn !== true) || leaves.aborted) break;
      if (state?.goesOn !== true) {
        over.abort();
        break;
      }
      const asked = now();
      const lease = await shares.claim(own);
      if (lease !== undefined) {
        own = true;
        say(`share ${String(lease.share)}: ${String(lease.hosts.length)} hosts${lease.token > 1 ? ', left behind by another worker' : ''}`);
        // Several at once: a share whose hosts wait for others' must not keep the others' from being carried out.
        const one = carryOut(options, shares, { lease, asked }, loaded, { ends: over.signal, leaves }).then((status) => { say(`share ${String(lease.share)} is through (status ${String(status)})`); }, leave);
        const held = one.finally(() => { working.delete(held); });
        working.add(held);
        continue;
      }
      await sleep(LOOK_MS);
    }
  } catch (error) {
    leave(error);
  }
  await Promise.all(working);
  if (trouble instanceof Error) throw trouble;
  if (over.signal.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'run-over', summary: `run ${shares.run} was ended by its coordinator, or that is gone` });
  return options.stop.aborted ? ExitStatus.interrupted : ExitStatus.ok;
}

/**
 * Works until the run is over. A share whose worker has died is taken over when its lease has expired, and carried out from the beginning of the
 * playbook: what is done already is found done.
 *
 * @returns ok when all shares are through, interrupted when this worker was told to stop
 * @throws Diagnostic for a run that this worker cannot work at, and what keeps it from working
 */
export async function work(options: RunOptions, { run, database, say }: WorkerRequest): Promise<ExitStatus> {
  const { loaded, digest } = loadAndDigest(options);
  throwProblems(divisionProblems(loaded));
  const [{ PostgresDatabase }, { prepareSchema }] = await Promise.all([import('../../state/postgres.ts'), import('../../state/postgres-store.ts')]);
  const db = await PostgresDatabase.open(database);
  try {
    await prepareSchema(db);
    const shares = new RunShares(db, run, randomUUID());
    await checkRun(shares, digest);
    return await takeShares(options, loaded, shares, say);
  } finally {
    await db.close();
  }
}
