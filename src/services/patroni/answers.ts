/**
 * What Patroni's REST API answers, read tolerantly: fields that are not needed are passed over, versions 3.0 (Debian 12) to
 * 4.1 differ in words only. Reference: https://patroni.readthedocs.io/en/latest/rest_api.html
 */
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';

/** What a member is to the cluster. `sync` and `quorum` are replicas whose acknowledgement a commit waits for. */
export type MemberRole = 'leader' | 'standby_leader' | 'sync' | 'quorum' | 'replica';

const ROLES: Readonly<Record<string, MemberRole>> = {
  leader: 'leader', master: 'leader', primary: 'leader', standby_leader: 'standby_leader', sync_standby: 'sync', quorum_standby: 'quorum', replica: 'replica',
};

const Tags = z.record(z.string(), z.unknown());

const ClusterMember = z.looseObject({
  name: z.string(),
  role: z.string(),
  state: z.string().default('unknown'),
  host: z.string().optional(),
  port: z.int().optional(),
  timeline: z.int().optional(),
  /** Bytes behind the leader; `unknown` when the member does not say. */
  lag: z.union([z.int(), z.string()]).optional(),
  pending_restart: z.boolean().optional(),
  tags: Tags.optional(),
});

const Cluster = z.looseObject({
  members: z.array(ClusterMember).default([]),
  pause: z.boolean().default(false),
  scheduled_switchover: z.looseObject({ at: z.string().optional(), from: z.string().optional(), to: z.string().optional() }).optional(),
});

const Location = z.looseObject({
  location: z.int().optional(),
  received_location: z.int().nullish(),
  replayed_location: z.int().nullish(),
  replayed_timestamp: z.string().nullish(),
  paused: z.boolean().optional(),
});

const Member = z.looseObject({
  state: z.string(),
  postmaster_start_time: z.string().nullish(),
  role: z.string().default('replica'),
  server_version: z.int().optional(),
  timeline: z.int().optional(),
  xlog: Location.optional(),
  sync_standby: z.boolean().optional(),
  quorum_standby: z.boolean().optional(),
  replication_state: z.string().optional(),
  pending_restart: z.boolean().optional(),
  failsafe_mode_is_active: z.boolean().optional(),
  dcs_last_seen: z.int().optional(),
  database_system_identifier: z.string().optional(),
  cluster_unlocked: z.boolean().optional(),
  pause: z.boolean().optional(),
  tags: Tags.optional(),
  patroni: z.looseObject({ version: z.string().optional(), scope: z.string().optional(), name: z.string().optional() }).optional(),
});

const Config = z.looseObject({
  ttl: z.number().optional(),
  loop_wait: z.number().optional(),
  retry_timeout: z.number().optional(),
  maximum_lag_on_failover: z.number().optional(),
  synchronous_mode: z.union([z.boolean(), z.string()]).optional(),
  synchronous_mode_strict: z.boolean().optional(),
  synchronous_node_count: z.int().optional(),
  failsafe_mode: z.boolean().optional(),
  pause: z.boolean().optional(),
});

export interface ClusterMemberAnswer {
  readonly name: string;
  readonly role: MemberRole;
  /** Patroni's word: `running`, `streaming`, `in archive recovery`, `starting`, `stopped`, `start failed`, `creating replica` … */
  readonly state: string;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly timeline: number | undefined;
  /** Bytes behind the leader; undefined when nobody knows. */
  readonly lagBytes: number | undefined;
  readonly pendingRestart: boolean;
  readonly tags: Readonly<Record<string, unknown>>;
}

/** `GET /cluster`: the cluster as its configuration store knows it. */
export interface ClusterAnswer {
  readonly members: readonly ClusterMemberAnswer[];
  readonly paused: boolean;
  /** When a switchover is planned, as Patroni writes it. */
  readonly scheduledSwitchover: string | undefined;
}

/** `GET /patroni`: one member as it sees itself, which it can say without the configuration store. */
export interface MemberAnswer {
  readonly state: string;
  /** When its PostgreSQL was started, as the server writes it; undefined while it does not run. */
  readonly startedAt: string | undefined;
  /** True when its PostgreSQL takes writes. */
  readonly primary: boolean;
  readonly standbyLeader: boolean;
  readonly sync: 'sync' | 'quorum' | undefined;
  readonly timeline: number | undefined;
  /** Where it writes, or up to where it has replayed; bytes. */
  readonly location: number | undefined;
  readonly receivedLocation: number | undefined;
  readonly replayPaused: boolean;
  /** `streaming`, `in archive recovery`; undefined on a primary and where Patroni is too old to say. */
  readonly replicationState: string | undefined;
  readonly pendingRestart: boolean;
  readonly failsafeActive: boolean;
  /** Seconds since the epoch when the configuration store was last reached. */
  readonly dcsLastSeen: number | undefined;
  /** No leader holds the lock, as far as this member knows. */
  readonly unlocked: boolean;
  readonly paused: boolean;
  readonly systemIdentifier: string | undefined;
  readonly serverVersion: number | undefined;
  readonly patroniVersion: string | undefined;
  readonly tags: Readonly<Record<string, unknown>>;
}

/** `GET /config`: the settings that all members share. Times in seconds. */
export interface ConfigAnswer {
  readonly ttl: number | undefined;
  readonly loopWait: number | undefined;
  readonly retryTimeout: number | undefined;
  readonly maximumLagOnFailover: number | undefined;
  /** `off`, `on` or `quorum`. */
  readonly synchronousMode: string;
  readonly failsafe: boolean;
}

function parsed<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw failure('patroni-answer', `${what} is not JSON`, { detail: text.slice(0, 300), cause });
  }
  const result = schema.safeParse(json);
  if (!result.success) throw failure('patroni-answer', `${what} is not what Patroni is known to answer`, { detail: z.prettifyError(result.error) });
  return result.data;
}

/** @throws Diagnostic `patroni-answer` */
export function readCluster(text: string): ClusterAnswer {
  const answer = parsed(Cluster, text, 'the answer to /cluster');
  const planned = answer.scheduled_switchover;
  return {
    paused: answer.pause,
    scheduledSwitchover: planned === undefined ? undefined : [planned.at, planned.from === undefined ? '' : `from ${planned.from}`, planned.to === undefined ? '' : `to ${planned.to}`].filter((word) => word !== undefined && word !== '').join(' '),
    members: answer.members.map((member) => ({
      name: member.name,
      role: ROLES[member.role] ?? 'replica',
      state: member.state,
      host: member.host,
      port: member.port,
      timeline: member.timeline,
      lagBytes: typeof member.lag === 'number' ? member.lag : undefined,
      pendingRestart: member.pending_restart === true,
      tags: member.tags ?? {},
    })),
  };
}

/** @throws Diagnostic `patroni-answer` */
export function readMember(text: string): MemberAnswer {
  const answer = parsed(Member, text, 'the answer to /patroni');
  const role = ROLES[answer.role] ?? 'replica';
  return {
    state: answer.state,
    // A member that starts or stops keeps its role's name; it takes writes only while it runs.
    primary: role === 'leader' && answer.state === 'running',
    startedAt: answer.postmaster_start_time ?? undefined,
    standbyLeader: role === 'standby_leader',
    sync: answer.quorum_standby === true ? 'quorum' : answer.sync_standby === true ? 'sync' : undefined,
    timeline: answer.timeline,
    location: answer.xlog?.location ?? answer.xlog?.replayed_location ?? undefined,
    receivedLocation: answer.xlog?.received_location ?? undefined,
    replayPaused: answer.xlog?.paused === true,
    replicationState: answer.replication_state,
    pendingRestart: answer.pending_restart === true,
    failsafeActive: answer.failsafe_mode_is_active === true,
    dcsLastSeen: answer.dcs_last_seen,
    unlocked: answer.cluster_unlocked === true,
    paused: answer.pause === true,
    systemIdentifier: answer.database_system_identifier,
    serverVersion: answer.server_version,
    patroniVersion: answer.patroni?.version,
    tags: answer.tags ?? {},
  };
}

/** @throws Diagnostic `patroni-answer` */
export function readConfig(text: string): ConfigAnswer {
  const answer = parsed(Config, text, 'the answer to /config');
  const mode = answer.synchronous_mode;
  return {
    ttl: answer.ttl,
    loopWait: answer.loop_wait,
    retryTimeout: answer.retry_timeout,
    maximumLagOnFailover: answer.maximum_lag_on_failover,
    synchronousMode: typeof mode === 'string' ? mode : mode === true ? 'on' : 'off',
    failsafe: answer.failsafe_mode === true,
  };
}
