/** What a drill is: data, and the few functions that break and heal. One file a drill; the way through it is `execute.ts`. */
import type { HostAccess } from '../operations/hosts.ts';
import type { ValueMap } from '../support/value.ts';
import type { Power } from './power.ts';
import type { Acknowledged, DrillEvent, Figure, GivenUp } from './record.ts';

/** Whose drills they are; the first word of their names. */
export type ServiceName = 'postgres' | 'minio' | 'vault' | 'kubernetes';

export interface Target {
  /** The longest time without a confirmed row, in milliseconds; undefined: writing is not what the drill is about. */
  readonly gapMs: number | undefined;
  /** From the end of the trouble until all is whole again, in milliseconds. */
  readonly backMs: number;
  /** Where the figures come from. */
  readonly source: string;
}

/** What is told of a drill without running it. */
export interface DrillInfo {
  readonly service: ServiceName;
  readonly name: string;
  /** One line: what is broken. */
  readonly summary: string;
  /** What it proves when its target is met; also says what it does not. */
  readonly proves: string;
  readonly target: Target;
  /** Which hosts it may touch, besides looking at them, in the words of the service: `members`, `etcd`, `nodes` … */
  readonly touches: readonly string[];
  /** Whether the drill cuts power, so that it is refused early where that cannot be done. */
  readonly needsPower?: boolean;
  /** True: what cannot be taken back, such as the data of the whole cluster; it must be allowed with `--destroy NAME`. */
  readonly destroys?: boolean;
  /** True: it changes the installation for good, such as by making what the inventory declares and does not have yet, so `all` leaves it out. */
  readonly changes?: boolean;
}

/** A drill of a service whose scene is `S` and whose looks at it are `V`. */
export interface Drill<S, V> extends DrillInfo {
  /** Chooses what to break, by what was seen. Changes nothing. @throws Diagnostic when the installation has not what it needs */
  begin(scene: S): Promise<Injury<V>>;
}

/** What the functions of every drill work with; a service adds what it knows. */
export interface BaseScene {
  readonly hosts: HostAccess;
  readonly power: Power;
  /** Adds to the timeline of the report. */
  readonly note: (kind: DrillEvent['kind'], what: string) => void;
  /** Milliseconds since the watching began. */
  readonly now: () => number;
  /** The rows that the clients have been promised up to now. */
  readonly rows: () => readonly Acknowledged[];
  /** Runs something that takes the inventory's lock itself, such as a playbook. */
  readonly unlocked: <T>(work: () => Promise<T>) => Promise<T>;
  /** `--extra-vars`, for playbooks that a drill runs. */
  readonly extraVars: ValueMap;
  /** Aborted by Ctrl-C: waits end, healing does not. */
  readonly signal: AbortSignal;
}

/** One breaking, its victim chosen. */
export interface Injury<V> {
  /** `care-a1 is the leader; its power is cut`. */
  readonly what: string;
  /** What a person does when the drill could not heal. */
  readonly byHand: string;
  break(): Promise<void>;
  /**
   * What is still missing before it may heal, seen by a look at the installation; undefined: it has had its effect.
   * Left out: healing begins as soon as it is broken.
   */
  readonly effect?: (now: V) => Promise<string | undefined> | string | undefined;
  /** Seconds that the effect may take. */
  readonly effectSeconds?: number;
  /** Seconds to stay broken after the effect, so that clients have to live with it. */
  readonly holdSeconds?: number;
  /** Ends the trouble. Called once or more, also when breaking failed half way; must do no harm when nothing is broken. */
  heal(): Promise<void>;
  /** What is still missing until all is as before, besides health; undefined: nothing. */
  back?(now: V): Promise<string | undefined> | string | undefined;
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
