/** What a drill is: data, and the few functions that break and heal. One file a drill; the way through it is `execute.ts`. */
import type { Cluster, ClusterHost } from '../operations/postgres/cluster.ts';
import type { HostAccess } from '../operations/postgres/hosts.ts';
import type { Observer } from '../operations/postgres/observe.ts';
import type { AdminSql } from '../operations/postgres/sql.ts';
import type { ClusterView } from '../operations/postgres/view.ts';
import type { Acknowledged, DrillEvent, Figure, GivenUp } from './record.ts';
import type { FoundReadPort } from './watch/reader.ts';
import type { ValueMap } from '../support/value.ts';
import type { Power } from './power.ts';

export interface Target {
  /** The longest time without a confirmed row, in milliseconds; undefined: writing is not what the drill is about. */
  readonly gapMs: number | undefined;
  /** From the end of the trouble until the cluster is whole again, in milliseconds. */
  readonly backMs: number;
  /** Where the figures come from. */
  readonly source: string;
}

/** Groups of the inventory whose hosts a drill may touch, besides looking at them. */
export type Touched = 'members' | 'etcd' | 'backups';

export interface Drill {
  readonly name: string;
  /** One line: what is broken. */
  readonly summary: string;
  /** What it proves when its target is met; also says what it does not. */
  readonly proves: string;
  readonly target: Target;
  readonly touches: readonly Touched[];
  /** Whether the drill cuts power, so that it is refused early where that cannot be done. */
  readonly needsPower?: boolean;
  /** True: data of the whole cluster is given up or put aside, so that it must be allowed with `--destroy CLUSTER`. */
  readonly destroys?: boolean;
  /** Chooses what to break, by what was seen. Changes nothing. @throws Diagnostic when the cluster has not what it needs */
  begin(scene: Scene): Promise<Injury>;
}

/** What the functions of a drill work with. */
export interface Scene {
  readonly cluster: Cluster;
  readonly hosts: HostAccess;
  readonly observer: Observer;
  readonly sql: AdminSql;
  readonly power: Power;
  /** The healthy cluster before anything was broken. */
  readonly before: ClusterView;
  readonly leader: ClusterHost;
  readonly replicas: readonly ClusterHost[];
  /** Adds to the timeline of the report. */
  readonly note: (kind: DrillEvent['kind'], what: string) => void;
  /** Milliseconds since the watching began. */
  now(): number;
  /** The rows that the clients have been promised up to now. */
  rows(): readonly Acknowledged[];
  /** The read endpoint as a client sees it, or why no proxy lets us in. */
  readonly readers: FoundReadPort;
  /** Runs something that takes the inventory's lock itself, such as a playbook. */
  readonly unlocked: <T>(work: () => Promise<T>) => Promise<T>;
  /** `--extra-vars`, for playbooks that a drill runs. */
  readonly extraVars: ValueMap;
  /** Aborted by Ctrl-C: waits end, healing does not. */
  readonly signal: AbortSignal;
}

/** One breaking, its victim chosen. */
export interface Injury {
  /** `care-a1 is the leader; its power is cut`. */
  readonly what: string;
  /** What a person does when the drill could not heal. */
  readonly byHand: string;
  break(): Promise<void>;
  /**
   * What is still missing before it may heal, seen by a look at the cluster; undefined: it has had its effect.
   * Left out: healing begins as soon as it is broken.
   */
  readonly effect?: (now: ClusterView) => Promise<string | undefined> | string | undefined;
  /** Seconds that the effect may take. */
  readonly effectSeconds?: number;
  /** Seconds to stay broken after the effect, so that clients have to live with it. */
  readonly holdSeconds?: number;
  /** Ends the trouble. Called once or more, also when breaking failed half way; must do no harm when nothing is broken. */
  heal(): Promise<void>;
  /** What is still missing until all is as before, besides health; undefined: nothing. */
  back?(now: ClusterView): Promise<string | undefined> | string | undefined;
  /** True: it heals by itself, so that the way back is counted from the break and not from `heal`. */
  readonly healsItself?: boolean;
  /** Seconds that coming back may take before the drill gives up waiting. */
  readonly backSeconds: number;
  /** Rows acknowledged in this time are given up by the drill itself. `mustBeGone`: they must not be there afterwards. */
  givenUp?(): GivenUp | undefined;
  /** Further times, told with the result; one beyond its target is a miss. */
  figures?(): readonly Figure[];
  /** Further findings: what should be and is not, a sentence each. */
  findings?(): Promise<readonly string[]>;
}
