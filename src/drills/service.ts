/**
 * What a service brings so that it can be drilled: its drills, how to look at it, and clients that write to it. Everything else
 * (order, healing, judging, reports) is the same for all. A service is a folder here with a `service.ts`, named in `catalogue.ts`.
 */
import type { ClusterHost, ClusterRequest } from '../operations/inventory.ts';
import type { HostAccess } from '../operations/hosts.ts';
import { Diagnostic, failure } from '../support/diagnostic.ts';
import type { BaseScene, Drill, DrillInfo, ServiceName } from './drill.ts';
import { executeDrill, type DrillRun } from './execute.ts';
import type { FoundRange } from './measure.ts';
import type { Count, Recording } from './record.ts';
import type { DrillResult, Words } from './result.ts';

/** What an inventory says of the thing that is drilled. */
export interface Installation {
  /** What `--destroy` must name. */
  readonly name: string;
  readonly inventories: readonly string[];
  /** Every host that a drill may touch; each must be marked `drills: allowed`. */
  readonly hosts: readonly ClusterHost[];
  /** Those whose power drills may cut. */
  readonly powered: readonly ClusterHost[];
}

/** One thing that is different now. `leader`: somebody else leads. */
export interface Change {
  readonly kind: 'seen' | 'leader';
  readonly what: string;
}

/** Looks as long as a drill lasts. */
export interface Monitor<V> {
  view(): V;
  stop(): Promise<void>;
}

export interface Stage {
  /** What the clients have seen so far. */
  writer(): Recording;
  prober(): Recording;
  stop(): Promise<{ readonly writer: Recording; readonly prober: Recording; readonly counts: readonly Count[] }>;
}

export interface PreparedStage {
  /** How the client writes, for the report. */
  readonly way: string;
  /** Starts the clients. @param now milliseconds since the watching began */
  begin(now: () => number): Stage;
}

/** `found` undefined: it could not be looked, so nothing is proven. */
export interface Counted {
  readonly found: readonly FoundRange[] | undefined;
  readonly why: string | undefined;
}

/** An installation as one run of a drill sees and uses it. */
export interface Bench<S extends BaseScene, V> {
  look(): Promise<V>;
  /** What is wrong by a look, a sentence each; empty when it is healthy. Pure. */
  trouble(view: V): readonly string[];
  /** What is wrong besides, asked of the hosts; undefined: nothing. */
  further(): Promise<string | undefined>;
  /** How to mend what is not healthy. */
  readonly mend: string;
  /** `care-a1 is the leader`. */
  introduce(before: V): string;
  watch(first: V, seen: (change: Change) => void): Monitor<V>;
  /** Makes what the clients write into, and finds out where they can. */
  prepare(before: V, signal: AbortSignal): Promise<PreparedStage>;
  scene(base: BaseScene, before: V): S;
  /** What is missing before rows can be counted and the stage can be cleared; undefined: nothing. */
  answering(view: V): string | undefined;
  count(view: V): Promise<Counted>;
  /** Takes away what `prepare` made. @throws Diagnostic */
  clear(view: V): Promise<void>;
  /** How a person does that. */
  readonly clearByHand: string;
  /** Ends what `open` has begun. */
  close(): Promise<void>;
}

/** A service, with what only it knows hidden. */
export interface DrillService {
  readonly name: ServiceName;
  /** In the order in which `all` runs them: the harmless first. */
  readonly drills: readonly DrillInfo[];
  /** Touches no host. @throws Diagnostic (bad input) when the inventory has no such service */
  read(request: ClusterRequest): Drillable;
  /** As `read`; undefined when the inventory has no such service. */
  readIfThere(request: ClusterRequest): Drillable | undefined;
}

export interface Drillable {
  readonly installation: Installation;
  /** @throws Diagnostic when it was refused (nothing was touched), or interrupted (all is healed), or something it needs failed */
  execute(drill: DrillInfo, run: DrillRun): Promise<DrillResult>;
}

export interface ServiceDefinition<C, S extends BaseScene, V> {
  readonly name: ServiceName;
  readonly words: Words;
  readonly drills: readonly Drill<S, V>[];
  /** The code of the Diagnostic with which `read` says that the inventory has no such service. */
  readonly absent: string;
  read(request: ClusterRequest): C;
  installation(read: C): Installation;
  /** Makes ready to look; breaks and changes nothing. */
  open(read: C, hosts: HostAccess): Promise<Bench<S, V>>;
}

export function defineService<C, S extends BaseScene, V>(definition: ServiceDefinition<C, S, V>): DrillService {
  const read = (request: ClusterRequest): Drillable => {
    const known = definition.read(request);
    const installation = definition.installation(known);
    return {
      installation,
      async execute(info, run) {
        const drill = definition.drills.find((d) => d.name === info.name);
        if (drill === undefined) throw failure('unknown-drill', `${info.name} is no drill of ${definition.name}`);
        return executeDrill({ run, drill, installation, words: definition.words, open: () => definition.open(known, run.hosts) });
      },
    };
  };
  return {
    name: definition.name,
    drills: definition.drills,
    read,
    readIfThere(request) {
      try {
        return read(request);
      } catch (error) {
        if (error instanceof Diagnostic && error.code === definition.absent) return undefined;
        throw error;
      }
    },
  };
}
