/**
 * What the rest of the program knows of a connection. One connection a host; on it one runner (a held
 * POSIX sh) per become user; scripts go in, outcomes come out. It knows nothing of what it carries.
 */
import type { Duplex } from 'node:stream';
import type { Script } from '../support/shell.ts';
import type { Secret } from '../support/secret.ts';

/** How to reach one host: Ansible's connection variables, resolved. */
export interface ConnectionTarget {
  /** Inventory name, for messages. */
  readonly name: string;
  readonly connection: 'ssh' | 'local';
  readonly address: string;
  /** 0 where the inventory gives none. As 22 it gives way to ssh's arguments and configuration. */
  readonly port: number;
  readonly user: string | undefined;
  readonly privateKeyFile: string | undefined;
  readonly password: Secret | undefined;
  /** `ansible_ssh_common_args` and `ansible_ssh_extra_args`, split into words. */
  readonly sshArgs: readonly string[];
  readonly connectTimeoutSeconds: number;
  /** known_hosts files to trust, first match wins; undefined: those that ssh would read. */
  readonly knownHostsFiles: readonly string[] | undefined;
}

/** As whom scripts run. `undefined` where taken: as the login user. */
export interface Become {
  readonly user: string;
  /** Sent only after sudo has asked for it. */
  readonly password: Secret | undefined;
}

export interface RunRequest {
  readonly script: Script;
  /** Shell functions that the script calls; a text of its own, because a row of scripts needs it only once. */
  readonly prelude?: string;
  /** True: it is never in a row, since what it leaves running is not ours to end (a user's own command). */
  readonly apart?: boolean;
  /** True: where scripts travel in rows, this one stays in the row of the one before it, if it fits. */
  readonly keepWithPrevious?: boolean;
  /** In a row: a name in `$care_files`. When it is there, an earlier script has done this one's work, and it counts as done. */
  readonly unless?: string;
  /** Extra environment of the script; names are POSIX names. Values never appear in an argument list. */
  readonly environment?: Readonly<Record<string, string | Secret>>;
  /** The process group is sent TERM, then KILL, after this. */
  readonly timeoutSeconds: number;
  /** Bytes of stdout and of stderr that come back (head and tail kept); default 1 MiB each. */
  readonly outputLimit?: number;
}

/** How a script ended. `status` is the exit status, or 128+n when ended by signal n, as sh reports it. */
export interface Outcome {
  readonly state: 'done' | 'timed-out' | 'not-run';
  readonly status: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** True when the middle of an output was left out. */
  readonly truncated: boolean;
  readonly seconds: number;
}

/** A held POSIX sh under one user. Scripts run one after another in the order given. */
export interface Runner {
  /** Whether consecutive scripts of a chain run in one session, and so see the same `$care_files`. Known once anything has been answered. */
  readonly rows?: boolean;
  /** False once its shell has ended, and with it whatever hung on that; the next `Connection.runner` starts another. */
  readonly alive?: boolean;
  /** Runs one script. @throws Diagnostic `unreachable` when the connection is lost, `failed` when become fails. */
  run(request: RunRequest, signal?: AbortSignal): Promise<Outcome>;
  /**
   * Runs scripts in order without waiting in between (one round trip); the first that exits non-zero or
   * times out makes every later one `not-run`.
   * @param onOutcome called as each outcome arrives
   */
  chain(requests: readonly RunRequest[], signal?: AbortSignal, onOutcome?: (index: number, outcome: Outcome) => void): Promise<readonly Outcome[]>;
}

export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

export interface Connection {
  readonly target: ConnectionTarget;
  /** Bytes on the wire so far, SSH's own included; absent where they cannot be counted (local, behind a bastion). */
  readonly traffic?: () => Traffic | undefined;
  /** The runner for this user, started on first use and kept. */
  runner(become: Become | undefined): Promise<Runner>;
  /**
   * Runs a script that only looks at the host. Where the user's runner is still to be started, it is the first thing that
   * this does, without the private directory, the process group and the watchdog of other scripts: what it says on stderr is
   * then not kept, and when it takes too long the runner is ended with it.
   */
  look(become: Become | undefined, request: RunRequest, signal?: AbortSignal): Promise<Outcome>;
  /**
   * A byte stream to `host:port` as seen from the target (direct-tcpip); for a local connection a plain socket.
   *
   * @throws Diagnostic `forward-failed`: of kind `failed` when nobody listens there, `unreachable` when the target itself is lost
   */
  forward(host: string, port: number): Promise<Duplex>;
  /**
   * A byte stream to a UNIX socket of the target, opened there by the login user (direct-streamlocal@openssh.com).
   *
   * @param path absolute path of the socket
   * @throws Diagnostic `socket-absent`, `socket-dead` (nobody listens), `socket-denied` (the login user may not),
   *   `socket-forwarding-refused` (sshd does not allow it), all of kind `failed`; `forward-failed` of kind
   *   `unreachable` when the target itself is lost
   */
  forwardSocket(path: string): Promise<Duplex>;
  /** Reads a whole file of the target as the become user, as a stream of bytes. */
  download(path: string, become: Become | undefined): Promise<NodeJS.ReadableStream>;
  /** Drops and re-establishes the connection (group membership, reboot). Runners start anew on next use. */
  reconnect(options: { readonly waitSeconds: number }, signal?: AbortSignal): Promise<void>;
  /** Ends runners (their temporary files go with them) and the connection. Never throws. */
  close(): Promise<void>;
}

/** Opens connections; the implementation bounds handshakes per bastion. */
export interface Connector {
  connect(target: ConnectionTarget, signal?: AbortSignal): Promise<Connection>;
  close(): Promise<void>;
}
