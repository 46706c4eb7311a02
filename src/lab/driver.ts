/** What a bed of the lab must do: containers and virtual machines stand behind this. */
import type { StartContainer } from './hosts.ts';
import type { LabPower } from './power.ts';
import type { ProgramResult } from './process.ts';
import type { HostSpec, PlacedHost } from './spec.ts';
import type { DriverName } from './driver-name.ts';
import type { LabHost, LabPaths, LabState } from './state.ts';
import type { Wan } from './vm/words.ts';
import type { Acceleration } from './vm/qemu-arguments.ts';

/** A lab that is up. */
export interface Lab {
  readonly state: LabState;
  readonly paths: LabPaths;
}

/** What `lab up` asks of a bed. */
export interface UpOrder {
  readonly name: string;
  readonly projectRoot: string;
  readonly paths: LabPaths;
  readonly hosts: readonly HostSpec[];
  /** The lab as the last `lab up` left it. */
  readonly before: LabState | undefined;
  readonly owner: string | undefined;
  readonly isolated: boolean;
  readonly rebuild: boolean;
  readonly report: (line: string) => void;
  readonly signal: AbortSignal | undefined;
  /** Containers only: how one is made. */
  readonly startContainer: StartContainer | undefined;
  /** Virtual machines only: the way between sites. */
  readonly wan: Wan | undefined;
  /** Virtual machines only: what executes the guests' code. */
  readonly acceleration: 'auto' | Acceleration;
}

/** Images and network are there; hosts can be placed and started. */
export interface Prepared {
  /** The lab's /22. */
  readonly network: string;
  /** Hosts that run as they should are kept, others made anew, those no longer asked for removed. */
  start(hosts: readonly PlacedHost[]): Promise<void>;
}

export interface ExecOptions {
  readonly input?: string | Buffer | undefined;
  /** Milliseconds; a minute unless told otherwise. */
  readonly timeoutMs?: number | undefined;
}

export interface HostLook {
  /** Whether the stand-in runs: docker's word for a container (`running`, `exited` …), `running` or `off` for a virtual machine, or `missing`. */
  readonly machine: string;
  /** systemd's word: `running`, `degraded`, `starting` …; empty when the machine does not run. */
  readonly system: string;
}

/** What a snapshot is, for people. */
export interface SnapshotEntry {
  readonly name: string;
  /** Whether the machine ran: then its memory is part of it. */
  readonly running: boolean;
}

/** Snapshots of a whole lab, all hosts at one moment. */
export interface Snapshots {
  /** Takes the place of one of that name. */
  save(lab: Lab, name: string): Promise<void>;
  /** @throws Diagnostic `lab-no-snapshot` when a host has none of that name; nothing is changed then */
  restore(lab: Lab, name: string, report: (line: string) => void): Promise<void>;
  list(lab: Lab): Promise<readonly SnapshotEntry[]>;
}

export interface LabDriver {
  readonly name: DriverName;
  prepare(order: UpOrder): Promise<Prepared>;
  look(lab: Lab, host: LabHost): Promise<HostLook>;
  /** Runs a command as root inside a host, not over SSH. */
  exec(lab: Lab, host: LabHost, argv: readonly string[], options: ExecOptions): Promise<ProgramResult>;
  /**
   * The power switch of the host with that name and address, in whatever lab of this machine.
   *
   * @returns undefined when no lab of this bed has it
   */
  power(host: string, address: string): Promise<LabPower | undefined>;
  /**
   * Removes all of a lab that this bed has, by its name alone.
   *
   * @returns how many hosts there were
   */
  remove(name: string, paths: LabPaths, report: (line: string) => void): Promise<number>;
  /** Removes the labs whose owner is gone. @returns their names */
  sweep(projectRoot: string): Promise<readonly string[]>;
  removeImages(report: (line: string) => void): Promise<void>;
  /** Names of all labs of this bed on this machine, with their number of hosts. */
  labs(): Promise<ReadonlyMap<string, number>>;
  readonly snapshots: Snapshots | undefined;
}
