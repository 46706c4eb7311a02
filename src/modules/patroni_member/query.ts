/** What a host can tell of a Patroni cluster: its own unit and data, what etcd holds, and what the members' REST APIs say. Reads only. */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';

export interface PatroniKey {
  readonly scope: string;
  readonly namespace: string;
  readonly unit: string;
  readonly dataDir: string;
  readonly binDir: string;
  /** File that pg_hba.conf of the data directory must be equal to. */
  readonly hbaFile: string;
  readonly rest: readonly { readonly name: string; readonly url: string }[];
  /** CA of the REST API's certificates. */
  readonly cacert: string;
  readonly etcd: EtcdAccess;
}
export interface EtcdAccess {
  readonly endpoints: readonly string[];
  readonly cacert: string;
  readonly cert: string;
  readonly key: string;
  /** File with `{"name": …, "password": …}`, for an etcd with users; may be missing or empty. */
  readonly authFile: string;
}

export type DataState =
  | { readonly type: 'empty' }
  | { readonly type: 'foreign'; readonly holds: string }
  | { readonly type: 'cluster'; readonly version: string; readonly systemId: string; readonly edited: boolean };

/** What `/service/SCOPE/` of etcd holds. */
export interface DcsFact {
  /** System identifier of the cluster; undefined when there is none. */
  readonly systemId: string | undefined;
  readonly leader: string | undefined;
  readonly members: readonly { readonly name: string; readonly role: string; readonly state: string; readonly apiUrl: string }[];
  /** Names of the synchronous standbys. */
  readonly sync: readonly string[];
  readonly paused: boolean;
  /** Physical replication slots that the leader keeps for members, also for those that went a while ago. */
  readonly slots: readonly string[];
  /** The dynamic configuration as JSON. */
  readonly config: string | undefined;
}

/** `GET /patroni` of a member. */
export interface RestFact {
  readonly name: string;
  readonly state: string;
  readonly role: string;
  readonly timeline: number | undefined;
  readonly systemId: string | undefined;
  readonly streaming: boolean;
  readonly pendingRestart: boolean;
  /** A smaller value waits that a standby can only have once the leader has it (see `LEADER_FIRST`). */
  readonly awaitsLeader: boolean;
}

/** Parameters that must not be smaller on a standby than on the leader (PostgreSQL, "Hot Standby", "Administrator's Overview"). */
export const LEADER_FIRST: readonly string[] = ['max_connections', 'max_locks_per_transaction', 'max_prepared_transactions', 'max_wal_senders', 'max_worker_processes'];

export interface PatroniFact {
  /** False where curl or a certificate is missing: then nothing is known of the cluster. */
  readonly canAsk: boolean;
  /** ActiveState of the unit. */
  readonly active: string;
  readonly data: DataState;
  /** Undefined when no etcd answered. */
  readonly dcs: DcsFact | undefined;
  readonly rest: readonly RestFact[];
  /** The dynamic configuration that the local Patroni has taken over, as JSON; undefined when there is none. */
  readonly taken: string | undefined;
}

/** Seconds that one question may take. */
const ASK_SECONDS = 5;

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** The range of all keys below a prefix (etcd's API: range_end is the prefix with its last byte one higher). */
function rangeOf(prefix: string): string {
  const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
  return JSON.stringify({ key: base64(prefix), range_end: base64(end) });
}

function askEtcd(key: PatroniKey): string {
  const { endpoints, cacert, cert, key: certKey, authFile } = key.etcd;
  const tls = `--cacert ${quote(cacert)} --cert ${quote(cert)} --key ${quote(certKey)}`;
  // The token goes through a configuration on stdin: arguments can be seen by everybody.
  return `care_etcd() {
  for e in ${endpoints.map(quote).join(' ')}; do
    care_token=
    if [ -s ${quote(authFile)} ]; then
      care_token=$(curl -s -f -m ${String(ASK_SECONDS)} ${tls} -d @${quote(authFile)} "$e/v3/auth/authenticate" 2>/dev/null | sed -n 's/.*"token" *: *"\\([^"]*\\)".*/\\1/p')
      [ -n "$care_token" ] || continue
    fi
    care_out=$(printf '%s\\n' "\${care_token:+header = \\"Authorization: $care_token\\"}" | curl -K - -s -f -m ${String(ASK_SECONDS)} ${tls} -d ${quote(rangeOf(`/${key.namespace}/${key.scope}/`))} "$e/v3/kv/range" 2>/dev/null) || continue
    printf '%s' "$care_out"
    return 0
  done
}`;
}

function probeOne(key: PatroniKey): string {
  const { etcd } = key;
  const rest = key.rest.map(({ name, url }) => `care_member ${quote(name)} ${quote(url)} &`).join('\n');
  return `care_active=$(systemctl show -p ActiveState --value ${quote(key.unit)} 2>/dev/null)
care_ask=no
[ ! -r ${quote(etcd.cert)} ] || [ ! -r ${quote(etcd.key)} ] || [ ! -r ${quote(etcd.cacert)} ] || ! command -v curl >/dev/null 2>&1 || care_ask=yes
care_data=empty care_version= care_id= care_edited=no care_holds=
if [ -f ${quote(key.dataDir)}/PG_VERSION ]; then
  care_data=cluster
  care_version=$(head -n 1 ${quote(key.dataDir)}/PG_VERSION)
  care_id=$(${quote(`${key.binDir}/pg_controldata`)} -D ${quote(key.dataDir)} 2>/dev/null | sed -n 's/^Database system identifier: *//p')
  if [ -f ${quote(key.hbaFile)} ] && ! cmp -s ${quote(key.hbaFile)} ${quote(key.dataDir)}/pg_hba.conf; then care_edited=yes; fi
elif [ -d ${quote(key.dataDir)} ]; then
  care_holds=$(ls -A ${quote(key.dataDir)} 2>/dev/null | head -n 5 | tr '\\n' ' ')
  [ -z "$care_holds" ] || care_data=foreign
fi
printf '%s\\n' "$care_ask" "$care_active" "$care_data" "$care_version" "$care_id" "$care_edited" "$care_holds"
care_mark
${askEtcd(key)}
[ "$care_ask" != yes ] || care_etcd
care_mark
care_member() {
  care_said=$(curl -s -m ${String(ASK_SECONDS)} --cacert ${quote(key.cacert)} "$2/patroni" 2>/dev/null </dev/null | tr -d '\\n')
  [ -z "$care_said" ] || printf '%s %s\\n' "$1" "$care_said"
}
if [ "$care_ask" = yes ] && [ -r ${quote(key.cacert)} ]; then
${rest}
wait
fi
care_mark
# Patroni saves it after it has acted on it (Patroni._run_cycle).
cat ${quote(`${key.dataDir}/patroni.dynamic.json`)} 2>/dev/null
care_mark`;
}

const Kvs = z.object({ kvs: z.array(z.object({ key: z.string(), value: z.string().default('') })).default([]) });
const Member = z.object({ role: z.string().default(''), state: z.string().default(''), api_url: z.string().default('') });
const Sync = z.object({ sync_standby: z.string().nullish() });
const Status = z.object({ slots: z.record(z.string(), z.number()).nullish(), retain_slots: z.array(z.string()).nullish() });
const Config = z.object({ pause: z.boolean().nullish() });
const Rest = z.object({
  state: z.string(),
  role: z.string(),
  timeline: z.int().optional(),
  // Patroni writes it as text, since a 64-bit number would be rounded by readers of JSON.
  database_system_identifier: z.string().optional(),
  // Since Patroni 3.1; before, only the leader tells who streams from it.
  replication_state: z.string().optional(),
  replication: z.array(z.object({ application_name: z.string(), state: z.string() })).nullish(),
  pending_restart: z.boolean().optional(),
  // Since Patroni 4.
  pending_restart_reason: z.record(z.string(), z.object({ old_value: z.coerce.string(), new_value: z.coerce.string() })).optional(),
});

/** @param text answer of etcd's range request */
export function parseDcs(text: string, prefix: string): DcsFact {
  const decode = (value: string): string => Buffer.from(value, 'base64').toString('utf8');
  const all = new Map(Kvs.parse(JSON.parse(text)).kvs.map(({ key, value }) => [decode(key).slice(prefix.length), decode(value)]));
  const members = [...all].flatMap(([key, value]) => {
    if (!key.startsWith('members/')) return [];
    const { role, state, api_url: apiUrl } = Member.parse(JSON.parse(value));
    return [{ name: key.slice('members/'.length), role: role === 'master' ? 'primary' : role, state, apiUrl }];
  });
  const sync = Sync.parse(JSON.parse(all.get('sync') ?? '{}')).sync_standby ?? '';
  const config = all.get('config');
  // Patroni before 2.1 had only the position here; then it is a number.
  const status = Status.safeParse(JSON.parse(all.get('status') ?? '{}')).data;
  return {
    // The key is there, and empty, while somebody makes the cluster.
    systemId: all.get('initialize'),
    leader: all.get('leader'),
    members,
    sync: sync.split(',').filter((name) => name !== ''),
    paused: Config.parse(JSON.parse(config ?? '{}')).pause === true,
    slots: [...new Set([...Object.keys(status?.slots ?? {}), ...(status?.retain_slots ?? [])])].sort(),
    config,
  };
}

interface Said extends RestFact {
  /** Names of those that stream from it. */
  readonly followers: readonly string[];
}

function parseRest(line: string): readonly Said[] {
  const space = line.indexOf(' ');
  const parsed = Rest.safeParse(parseJson(line.slice(space + 1)));
  // Something else answers at that port: for us the member does not.
  if (!parsed.success) return [];
  const { data } = parsed;
  const role = data.role === 'master' ? 'primary' : data.role;
  const awaitsLeader = Object.entries(data.pending_restart_reason ?? {}).some(([name, reason]) => LEADER_FIRST.includes(name) && Number(reason.new_value) < Number(reason.old_value));
  const followers = (data.replication ?? []).filter((r) => r.state === 'streaming').map((r) => r.application_name);
  return [
    { name: line.slice(0, space), state: data.state, role, timeline: data.timeline, systemId: data.database_system_identifier, streaming: data.replication_state === 'streaming', pendingRestart: data.pending_restart === true, awaitsLeader, followers },
  ];
}

function parseMembers(text: string): readonly RestFact[] {
  const said = text.split('\n').filter((line) => line !== '').flatMap(parseRest);
  const followers = new Set(said.flatMap((m) => m.followers));
  return said.map(({ followers: _, ...m }) => ({ ...m, streaming: m.streaming || followers.has(m.name) })).sort((a, b) => a.name.localeCompare(b.name));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parseData(type: string, version: string, systemId: string, edited: string, holds: string): DataState {
  if (type === 'cluster') return { type, version, systemId, edited: edited === 'yes' };
  return type === 'foreign' ? { type, holds: holds.trim() } : { type: 'empty' };
}

function parseOne(key: PatroniKey, sections: readonly Buffer[]): PatroniFact {
  const [head = '', dcs = '', rest = '', taken = ''] = sections.map((s) => s.toString('utf8').trim());
  const [ask, active = '', data = '', version = '', systemId = '', edited = '', holds = ''] = head.split('\n');
  if (ask !== 'yes' && ask !== 'no') throw new Error('no answer about Patroni');
  return {
    canAsk: ask === 'yes',
    active,
    data: parseData(data, version, systemId, edited, holds),
    dcs: dcs === '' ? undefined : parseDcs(dcs, `/${key.namespace}/${key.scope}/`),
    rest: parseMembers(rest),
    taken: taken === '' ? undefined : taken,
  };
}

function parse(keys: readonly PatroniKey[], output: ProbeOutput): readonly PatroniFact[] {
  const sections = [output.head, ...output.sections];
  return keys.map((key, i) => parseOne(key, sections.slice(i * 4, i * 4 + 4)));
}

export const patroni = defineQuery<PatroniKey, PatroniFact>({
  name: 'patroni',
  id: (key) => [key.unit, key.scope, key.dataDir, ...key.rest.map((m) => m.url)].join(' '),
  describe: (key) => `Patroni cluster ${key.scope}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  show: (fact) => `${fact.active}, leader ${fact.dcs?.leader ?? 'none'}`,
  volatile: true,
});
