/**
 * What a run of some of the hosts has to agree upon with the runs of the others, which other workers carry out: where hosts wait for each
 * other, when a play is ended for everybody, who leads a task that is carried out once.
 */
import type { BaseFacts } from '../host/view.ts';
import type { Position } from './rendezvous.ts';

/** A batch of a play: their numbers. */
export interface BatchPlace {
  readonly play: number;
  readonly batch: number;
}

/** How a batch stands on all workers. */
export interface BatchStanding {
  readonly hosts: number;
  readonly failed: number;
  readonly stopped: string | undefined;
}

export interface Together {
  /** The run that all of them are parts of. */
  readonly run: string;
  /** As whom hosts are locked: of the share, so that who had it before is kept out. */
  readonly lockName: string;
  readonly owns: (host: string) => boolean;
  /** Names of variables that tasks make: of the hosts of others they are not known. */
  readonly made: ReadonlySet<string>;
  /**
   * Waits until all have come as far as the play.
   * @param gone own hosts that take no further part
   * @returns the hosts, of all, that take no part in it: the same for everybody, whenever it is asked
   */
  enterPlay(play: number, gone: readonly string[]): Promise<readonly string[]>;
  /** Waits until all are through with the batches before. @returns how these stand */
  enterBatch(at: BatchPlace, gone: readonly string[]): Promise<readonly BatchStanding[]>;
  /** Waits until all have come as far as a place within a batch. */
  meet(at: BatchPlace, position: Position): Promise<void>;
  /** The same for a task that is carried out once. @returns the host that leads, of all */
  meetOnce(at: BatchPlace, position: Position, first: string): Promise<string>;
  /** How that task has ended: true when it failed. @param wait until it has; else undefined when it has not */
  outcome(at: BatchPlace, position: Position, wait: boolean): Promise<boolean | undefined>;
  conclude(at: BatchPlace, position: Position, leader: string, failed: boolean): Promise<void>;
  /** Says how the own hosts of a batch stand. @returns how it stands on all workers */
  stand(at: BatchPlace, own: BatchStanding): Promise<BatchStanding>;
  tellFacts(facts: ReadonlyMap<string, BaseFacts>): Promise<void>;
  /** Base facts of the hosts of others, as far as they have been told. */
  foreignFacts(): Promise<ReadonlyMap<string, BaseFacts>>;
}

/** One batch, for the hosts in it. */
export interface SharedBatch {
  readonly together: Together;
  readonly at: BatchPlace;
}
