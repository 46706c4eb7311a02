/** One share of a run, as its worker has it: leased, renewed, and agreed upon with the others through the store. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BaseFacts } from '../../host/view.ts';
import { LEASE_SECONDS, sinceBoot } from '../../state/lease.ts';
import { SHARE_LOST, shareLost, type RunShares } from '../../state/run-shares.ts';
import type { ShareLease } from '../../state/shared-run.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { HeldLocks } from '../locks.ts';
import type { Position } from '../rendezvous.ts';
import type { BatchPlace, BatchStanding, Together } from '../together.ts';
import { placeText } from './places.ts';

const RENEW_MS = (LEASE_SECONDS * 1000) / 3;
/** How often it is looked whether the others have come: quickly at first, since most wait for each other shortly. */
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 500;

export interface ShareInit {
  readonly shares: RunShares;
  readonly lease: ShareLease;
  /** Numbers of hosts in the inventory, for who comes first. */
  readonly numberOf: (host: string) => number;
  /** Names of variables that the run's tasks make. */
  readonly made: ReadonlySet<string>;
  /** Aborted when the run is to end, or the share is lost. */
  readonly ends: AbortSignal;
  /** When the lease was asked for, by that clock: it lasts from then on, however late the answer was. */
  readonly asked: number;
  /** Milliseconds of a clock that goes on while the machine sleeps, as leases do; default: since boot. */
  readonly now?: () => number;
}

export class Share implements Together, HeldLocks {
  readonly #init: ShareInit;
  readonly #own: ReadonlySet<string>;
  readonly #lost = new AbortController();
  readonly #doubt = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #now: () => number;
  #renewedAt: number;
  #renewing: Promise<void> | undefined;
  #gone: readonly string[] = [];
  #settled: (() => Promise<void>) | undefined;

  constructor(init: ShareInit) {
    this.#init = init;
    this.#now = init.now ?? sinceBoot;
    this.#renewedAt = init.asked;
    this.#own = new Set(init.lease.hosts);
    this.#timer = setInterval(() => { void this.#renew(); }, RENEW_MS);
  }

  /** What is told before the share says how far it has come: what others go on from must not be lost with this worker. */
  tellsFirst(settled: () => Promise<void>): void {
    this.#settled = settled;
  }

  get run(): string {
    return this.#init.shares.run;
  }

  get lockName(): string {
    const { share, token } = this.#init.lease;
    return `${this.run}/${String(share)}.${String(token)}`;
  }

  get made(): ReadonlySet<string> {
    return this.#init.made;
  }

  /** Aborted when the share is another worker's. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Aborted when the lease may have expired and the server does not say: nothing more is begun, and whoever asks next gets the share. */
  get inDoubt(): AbortSignal {
    return this.#doubt.signal;
  }

  readonly owns = (host: string): boolean => this.#own.has(host);

  #renew(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => { this.#renewing = undefined; });
    return this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const asked = this.#now();
    try {
      if (await this.#init.shares.renew(this.#init.lease)) this.#renewedAt = asked;
      else this.#lost.abort();
    } catch {
      // A server that does not answer gives the share to nobody else, either; whether it is still ours is asked before the next change.
      if (this.#now() - this.#renewedAt > LEASE_SECONDS * 3000) this.#lost.abort();
    }
  }

  /** Before every change. Costs nothing while the lease is known to last. */
  async check(): Promise<void> {
    if (this.#now() - this.#renewedAt > LEASE_SECONDS * 1000) await this.#renew();
    if (!this.#lost.signal.aborted && this.#now() - this.#renewedAt > LEASE_SECONDS * 1000) this.#doubt.abort();
    // Once in doubt it stays so: some hosts may have been refused a change already.
    if (this.#lost.signal.aborted || this.#doubt.signal.aborted) throw shareLost(this.#init.lease);
  }

  /** @throws Diagnostic `share-lost` when the server has refused it, since another worker has the share */
  async #write<T>(write: Promise<T>): Promise<T> {
    try {
      return await write;
    } catch (error) {
      if (error instanceof Diagnostic && error.code === SHARE_LOST) this.#lost.abort();
      throw error;
    }
  }

  /** Tells the coordinator. @param events JSON. @throws Diagnostic `share-lost` */
  tellEvents(first: number, events: readonly string[]): Promise<void> {
    return this.#write(this.#init.shares.tell(this.#init.lease, first, events));
  }

  /** The share is through. @throws Diagnostic `share-lost` */
  finish(result: string): Promise<void> {
    return this.#write(this.#init.shares.finish(this.#init.lease, result));
  }

  tell(): void {
    // What is wrong with the store ends the share: there is nothing to warn of.
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await this.#renewing;
  }

  /** @throws Diagnostic when the run ends, or the share is lost meanwhile */
  async #until<T>(ask: () => Promise<T | undefined>): Promise<T> {
    for (let pause = FIRST_POLL_MS; ; pause = Math.min(LAST_POLL_MS, pause * 1.5)) {
      const answer = await ask();
      if (answer !== undefined) return answer;
      if (this.#lost.signal.aborted) throw shareLost(this.#init.lease);
      if (this.#init.ends.aborted) throw new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: 'the run was interrupted while it waited for other workers' });
      await sleep(pause);
    }
  }

  async #arrive(place: string): Promise<void> {
    const { shares, lease } = this.#init;
    await this.check();
    await this.#settled?.();
    await this.#write(shares.reached(lease, place, this.#gone));
    await this.#until(async () => ((await shares.allReached(place)) ? true : undefined));
  }

  async enterPlay(play: number, gone: readonly string[]): Promise<readonly string[]> {
    this.#gone = gone;
    await this.#arrive(placeText(play));
    const { shares, lease } = this.#init;
    return this.#write(shares.decidePlay(lease, play));
  }

  async enterBatch({ play, batch }: BatchPlace, gone: readonly string[]): Promise<readonly BatchStanding[]> {
    this.#gone = gone;
    await this.#arrive(placeText(play, batch));
    return [...(await this.#init.shares.batches(`${placeText(play)}.`)).values()];
  }

  meet({ play, batch }: BatchPlace, position: Position): Promise<void> {
    return this.#arrive(placeText(play, batch, ...position));
  }

  async meetOnce({ play, batch }: BatchPlace, position: Position, first: string): Promise<string> {
    const place = placeText(play, batch, ...position);
    await this.#write(this.#init.shares.stands(this.#init.lease, place, first, this.#init.numberOf(first)));
    await this.#arrive(place);
    return (await this.#init.shares.leader(place))?.host ?? first;
  }

  async outcome({ play, batch }: BatchPlace, position: Position, wait: boolean): Promise<boolean | undefined> {
    const place = placeText(play, batch, ...position);
    const ask = async (): Promise<boolean | undefined> => (await this.#init.shares.leader(place))?.failed;
    return wait ? this.#until(ask) : ask();
  }

  conclude({ play, batch }: BatchPlace, position: Position, leader: string, failed: boolean): Promise<void> {
    return this.#write(this.#init.shares.conclude(this.#init.lease, placeText(play, batch, ...position), leader, failed));
  }

  async stand({ play, batch }: BatchPlace, own: BatchStanding): Promise<BatchStanding> {
    const place = placeText(play, batch);
    await this.#write(this.#init.shares.stand(this.#init.lease, place, own));
    return (await this.#init.shares.batches(place)).get(place) ?? own;
  }

  tellFacts(facts: ReadonlyMap<string, BaseFacts>): Promise<void> {
    return this.#write(this.#init.shares.tellFacts(this.#init.lease, new Map([...facts].map(([host, each]) => [host, JSON.stringify(each)]))));
  }

  async foreignFacts(): Promise<ReadonlyMap<string, BaseFacts>> {
    const texts = await this.#init.shares.factsBut(this.#own);
    // Sound: what is there was written by tellFacts of a worker of the same version (the run's digest has it).
    return new Map([...texts].map(([host, text]) => [host, JSON.parse(text) as BaseFacts]));
  }
}
