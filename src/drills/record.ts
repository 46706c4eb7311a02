/** What a drill sees, as plain data. All times are milliseconds since the watching began, by a clock that only goes forward. */

/** A row whose COMMIT was confirmed. */
export interface Acknowledged {
  readonly client: string;
  readonly sequence: number;
  /** When it was sent, and when its confirmation was there. */
  readonly sentMs: number;
  readonly atMs: number;
  readonly timeline: number;
  /** Where it was written: the server's address, or the endpoint where the server does not say. */
  readonly server: string;
}

/** A row or a connection that failed. What became of such a row is unknown: it counts neither as acknowledged nor as lost. */
export interface ClientError {
  readonly client: string;
  readonly atMs: number;
  /** Undefined: no connection. */
  readonly sequence: number | undefined;
  readonly endpoint: string;
  /** SQLSTATE, or Node's word such as ECONNRESET, or `timeout`. */
  readonly code: string;
  readonly message: string;
}

export interface Recording {
  readonly acknowledged: readonly Acknowledged[];
  readonly errors: readonly ClientError[];
  /** Errors beyond those that were kept. */
  readonly errorsNotKept: number;
}

/** Something that happened to the cluster: what the drill did, and what it saw. */
export interface DrillEvent {
  readonly atMs: number;
  readonly kind: 'phase' | 'break' | 'heal' | 'seen' | 'leader' | 'trouble';
  readonly what: string;
}

/** A further time that a drill is about, such as how long a lagging replica stayed in the read pool. */
export interface Figure {
  /** A word for programs: `left_read_pool_ms`. */
  readonly name: string;
  readonly label: string;
  readonly ms: number;
  readonly targetMs: number | undefined;
}

/** A time whose rows a drill gives up on purpose, as a restore to an earlier moment does. */
export interface GivenUp {
  /** Rows that were confirmed before this must be there. */
  readonly fromMs: number;
  /** Rows that were sent after this, and confirmed before `toMs`, are surely given up. */
  readonly sureMs: number;
  /** Rows that were sent from here on must be there again. */
  readonly toMs: number;
  /** Whether what is surely given up must be gone. */
  readonly mustBeGone: boolean;
}

/** How often something happened that a service's clients count, such as requests that failed in all tries. */
export interface Count {
  /** A word for programs: `failed_requests`. */
  readonly name: string;
  readonly label: string;
  readonly count: number;
  /** More is a miss; undefined: it is only told. */
  readonly most: number | undefined;
}
