/** What can go wrong with a PostgreSQL server, in words for people. Codes: appendix A of its documentation. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';

/**
 * `silent`: no server answers there (yet); `refused`: it answered, and said no; `lost`: the connection broke while it was at
 * work, so that what became of a change is not known.
 */
export type TroubleKind = 'silent' | 'refused' | 'lost';

/** As data, so that it can be a fact. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** Five characters, where the server said one. */
  readonly sqlstate: string | undefined;
  /** What the server said, with its detail and hint. */
  readonly msg: string;
  readonly remedy: string | undefined;
}

export class PostgresTrouble extends Error {
  override readonly name = 'PostgresTrouble';
  readonly trouble: Trouble;

  /** @param shown the statement as it may be shown */
  constructor(trouble: Trouble, shown: string | undefined, cause: unknown) {
    super(wordsOf(trouble, shown), { cause });
    this.trouble = trouble;
  }
}

function wordsOf(trouble: Trouble, shown: string | undefined): string {
  return [trouble.msg, ...(shown === undefined ? [] : [`Statement: ${shown}`]), ...(trouble.remedy === undefined ? [] : [`To do: ${trouble.remedy}`])].join('\n');
}

export const STANDBY_REMEDY = 'this is a standby; run it on the leader (when: inventory_hostname == postgres_leader)';

const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'the password is not the one that the server knows: after a rotation the server must get the new one first (role postgres sets it), or give the old one once (login_password)',
  '28000': 'see pg_hba.conf on the host: it must let this user in from there (local … scram-sha-256 for the socket), and the role must exist and have LOGIN',
  '3D000': 'create the database in an earlier task (postgresql_db), or correct login_db',
  '42501': 'the role that logs in may not do this: log in as a superuser (login_user: care_admin), or as the owner',
  '53300': 'the server has no connection left: see who holds them (SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2), raise max_connections, or put a pooler in front',
  '53100': 'make room on the disk of the database, then run again',
  '25006': STANDBY_REMEDY,
  '57P03': 'the server is starting or stopping: wait until it accepts connections (wait_for, or retries on the task)',
  '57P01': 'somebody has ended the connection or the server: run again',
  '57014': 'it took longer than the task may take (timeout), or somebody cancelled it; a lock may have been in the way (pg_stat_activity, pg_locks)',
  '55P03': 'another session holds a lock on it (pg_locks): run again when it is gone',
  '55006': 'others are connected to it: end their sessions first (force: true ends them)',
  '2BP01': 'something depends on it: remove or reassign that first (postgresql_owner)',
  '42704': 'create it in an earlier task, or correct its name',
  '42P01': 'create the table in an earlier task, or correct its name and schema',
  '3F000': 'create the schema in an earlier task (postgresql_schema), or correct its name',
  '58P01': 'install the package that brings the missing file on every member of the cluster',
};

/** Codes with which a server says that it cannot be talked to just now, or no more. */
const LOST = new Set(['57P01', '57P02', '57P05', '25P03', '08006', '08003', '08000']);

function text(error: object, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * Whether the server said with it that the connection is over (PostgreSQL's protocol 55.2.2, severities FATAL and PANIC). The driver
 * knows the severity in the server's language only (field S): what ends sessions at work is known by its code, too.
 */
export function endsConnection(error: unknown): boolean {
  return error instanceof Error && (['FATAL', 'PANIC'].includes(text(error, 'severity') ?? '') || LOST.has(text(error, 'code') ?? ''));
}

/**
 * Any error of the driver, of the tunnel or of the server as a trouble.
 *
 * @param at whether it happened while connecting or at work
 * @returns the error itself when it is about the host and not about the server
 */
export function troubleOf(error: unknown, at: 'connecting' | 'at work', shown?: string): PostgresTrouble | Diagnostic {
  if (error instanceof PostgresTrouble) return error;
  if (error instanceof Diagnostic) {
    if (error.kind !== 'failed') return error;
    const silent = ['socket-absent', 'socket-dead', 'forward-failed'].includes(error.code);
    return new PostgresTrouble({ kind: silent ? 'silent' : 'refused', sqlstate: undefined, msg: error.message, remedy: error.remedy }, undefined, error);
  }
  if (!(error instanceof Error)) return new PostgresTrouble({ kind: 'lost', sqlstate: undefined, msg: maskSecrets(String(error)), remedy: undefined }, shown, error);
  const sqlstate = /^[0-9A-Z]{5}$/.exec(text(error, 'code') ?? '')?.[0];
  const severity = text(error, 'severity');
  if (sqlstate === undefined || severity === undefined) {
    // Not an answer of the server: the connection is not what it was.
    const silent = at === 'connecting' && /terminated|ECONN|EPIPE|timeout/i.test(error.message);
    return new PostgresTrouble({ kind: silent ? 'silent' : at === 'connecting' ? 'refused' : 'lost', sqlstate: undefined, msg: maskSecrets(error.message), remedy: undefined }, shown, error);
  }
  const parts = [`${severity} ${sqlstate}: ${error.message}`];
  const detail = text(error, 'detail');
  const hint = text(error, 'hint');
  if (detail !== undefined) parts.push(`Detail: ${detail}`);
  if (hint !== undefined) parts.push(`Hint: ${hint}`);
  const kind: TroubleKind = sqlstate === '57P03' ? 'silent' : LOST.has(sqlstate) ? (at === 'connecting' ? 'silent' : 'lost') : 'refused';
  return new PostgresTrouble({ kind, sqlstate, msg: maskSecrets(parts.join('\n')), remedy: REMEDIES[sqlstate] }, shown, error);
}
