/** What a host can tell of an etcd cluster: its own unit and data, and what the members answer to etcdctl. Reads only. */
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';

export interface EtcdKey {
  /** Client URLs to ask, in order; this host's own is `own`. */
  readonly endpoints: readonly string[];
  readonly own: string;
  readonly unit: string;
  readonly dataDir: string;
  readonly cacert: string;
  readonly cert: string;
  readonly key: string;
}

/** Ids are hexadecimal, as etcdctl prints them in tables. */
export interface EtcdMember {
  readonly id: string;
  /** Empty until it has been started for the first time. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly learner: boolean;
}
export interface EtcdStatus {
  readonly endpoint: string;
  readonly clusterId: string;
  readonly memberId: string;
  /** `0` when there is none. */
  readonly leader: string;
  readonly learner: boolean;
  /** Of the server, e.g. `3.6.16`. */
  readonly version?: string;
}
export interface EtcdFact {
  /** False where etcdctl or the client certificate is missing: then nothing is known of the cluster. */
  readonly canAsk: boolean;
  /** ActiveState of the unit. */
  readonly active: string;
  /** Whether there is a write-ahead log: etcd then ignores what it is told about the initial cluster. */
  readonly data: boolean;
  /** Client URLs that answered a linearizable read: they are part of a quorum. */
  readonly healthy: readonly string[];
  readonly statuses: readonly EtcdStatus[];
  /** Undefined when no quorum answered. */
  readonly members: readonly EtcdMember[] | undefined;
}

/** Seconds that one question to the members may take. */
const ASK_SECONDS = 5;

function probeOne(key: EtcdKey): string {
  const flags = `--cacert=${quote(key.cacert)} --cert=${quote(key.cert)} --key=${quote(key.key)} --dial-timeout=3s --command-timeout=${String(ASK_SECONDS)}s -w json`;
  // etcdctl goes on trying a closed port until its time is over, so only ports that are open are asked (openssl stands
  // in for a port scanner: every host with certificates has it). Then health, of all at once.
  return `PATH="$PATH:/usr/local/bin"
care_active=$(systemctl show -p ActiveState --value ${quote(key.unit)} 2>/dev/null)
care_data=no
for f in ${quote(`${key.dataDir}/member/wal`)}/*.wal; do [ ! -e "$f" ] || care_data=yes; done
care_ask=no
[ ! -r ${quote(key.cert)} ] || [ ! -r ${quote(key.key)} ] || [ ! -r ${quote(key.cacert)} ] || ! command -v etcdctl >/dev/null 2>&1 || care_ask=yes
printf '%s\\n' "$care_ask" "$care_active" "$care_data"
care_mark
care_ctl() { e=$1; shift; etcdctl --endpoints="$e" ${flags} "$@" 2>/dev/null </dev/null; }
care_well() { tr '{' '\\n' | sed -n 's/.*"endpoint":"\\([^"]*\\)","health":true.*/\\1/p' | sort -u | tr '\\n' ',' | sed 's/,$//'; }
care_open() { for e do ( timeout 4 openssl s_client -connect "\${e#*://}" </dev/null 2>/dev/null | grep -q '^CONNECTED' && printf '%s\\n' "$e" ) & done; wait; }
care_listed() { sort -u | tr '\\n' ',' | sed 's/,$//'; }
care_healthy= care_members= care_reached=
if [ "$care_ask" = yes ]; then
  care_reached=$(care_open ${key.endpoints.map(quote).join(' ')} | care_listed)
  [ -z "$care_reached" ] || care_healthy=$(care_ctl "$care_reached" endpoint health | care_well)
  [ -z "$care_healthy" ] || care_members=$(care_ctl "$care_healthy" member list)
  care_more=$(printf '%s' "$care_members" | tr '[' '\\n' | sed -n '/"clientURLs":$/{n;p;}' | tr '",]' '\\n\\n\\n' | sed -n '/^https*:/p' | sort -u)
  # Members that this host was not told of. The word splitting is meant.
  care_more=$(care_open $care_more | care_listed)
  [ -z "$care_more" ] || [ "$care_more" = "$care_reached" ] || care_healthy=$(care_ctl "$care_more" endpoint health | care_well)
fi
printf '%s' "$care_healthy"
care_mark
care_where=$care_healthy
case ",$care_where," in *,${quote(key.own)},*) ;; *) [ "$care_active" != active ] || care_where=$care_where\${care_where:+,}${quote(key.own)} ;; esac
[ "$care_ask" != yes ] || [ -z "$care_where" ] || care_ctl "$care_where" endpoint status
care_mark
printf '%s' "$care_members"
care_mark`;
}

/** etcd's ids are 64-bit and JSON.parse would round them: they become texts first. */
function parseJson(text: string): unknown {
  return JSON.parse(text.replaceAll(/:(\d{15,})(?=[,}\]])/g, ':"$1"'));
}
const Id = z.union([z.string(), z.number()]).transform((id) => BigInt(id).toString(16));
const Strings = z.array(z.string()).nullish().transform((list) => list ?? []);
const MemberList = z.object({
  members: z.array(
    z
      .object({ ID: Id, name: z.string().default(''), peerURLs: Strings, clientURLs: Strings, isLearner: z.boolean().default(false) })
      .transform((m): EtcdMember => ({ id: m.ID, name: m.name, peerUrls: m.peerURLs, clientUrls: m.clientURLs, learner: m.isLearner })),
  ),
});
const Statuses = z.array(
  z
    .object({
      Endpoint: z.string(),
      Status: z.object({ header: z.object({ cluster_id: Id, member_id: Id }), leader: Id.default('0'), isLearner: z.boolean().default(false), version: z.string().optional() }),
    })
    .transform(({ Endpoint, Status }): EtcdStatus => ({ endpoint: Endpoint, clusterId: Status.header.cluster_id, memberId: Status.header.member_id, leader: Status.leader, learner: Status.isLearner, ...(Status.version === undefined ? {} : { version: Status.version }) })),
);

function parseOne(sections: readonly Buffer[]): EtcdFact {
  const [head = '', healthy = '', statuses = '', members = ''] = sections.map((s) => s.toString('utf8').trim());
  const [ask, active, data] = head.split('\n');
  if (ask !== 'yes' && ask !== 'no') throw new Error('no answer about etcd');
  return {
    canAsk: ask === 'yes',
    active: active ?? '',
    data: data === 'yes',
    healthy: healthy === '' ? [] : healthy.split(','),
    statuses: statuses === '' ? [] : Statuses.parse(parseJson(statuses)),
    members: members === '' ? undefined : MemberList.parse(parseJson(members)).members,
  };
}

function parse(keys: readonly EtcdKey[], output: ProbeOutput): readonly EtcdFact[] {
  const sections = [output.head, ...output.sections];
  return keys.map((_, i) => parseOne(sections.slice(i * 4, i * 4 + 4)));
}

export const etcd = defineQuery<EtcdKey, EtcdFact>({
  name: 'etcd',
  id: (key) => [key.unit, key.own, ...key.endpoints].join(' '),
  describe: (key) => `etcd cluster of ${key.own}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  show: (fact) => `${fact.active}, ${fact.members === undefined ? 'no quorum answers' : `${String(fact.members.length)} members`}`,
  volatile: true,
});
