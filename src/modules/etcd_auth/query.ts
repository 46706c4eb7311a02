/** Users, roles and state of etcd's authentication, as etcdctl tells them. Reads only, but for the tokens that trying a password gives. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';

export interface EtcdAuthKey {
  readonly endpoints: readonly string[];
  readonly cacert: string;
  readonly cert: string;
  readonly key: string;
  readonly gatewayCert: string;
  readonly gatewayKey: string;
  /** Passwords to try, in the open: they go to the host in a script, never in an argument. */
  readonly passwords: readonly { readonly name: string; readonly password: string }[];
}

export interface EtcdAuthFact {
  /** `absent`: no etcdctl or no certificates; `down`: nobody answers with a quorum. */
  readonly state: 'absent' | 'down' | 'up';
  readonly trouble: string;
  /** Common name of the client certificate. */
  readonly commonName: string;
  readonly enabled: boolean;
  /** Roles of each user, in order. */
  readonly users: Readonly<Record<string, readonly string[]>>;
  /** Of each role `PERMISSION KEY END` in order, key and end of the range in base64. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
  /** Whether the password is right. Can only be told while authentication is enabled. */
  readonly passwords: Readonly<Record<string, boolean>>;
}

const PERMISSIONS = ['read', 'write', 'readwrite'];

function probeOne(key: EtcdAuthKey): string {
  const flags = `--cacert=${quote(key.cacert)} --cert=${quote(key.cert)} --key=${quote(key.key)} --dial-timeout=3s --command-timeout=5s`;
  const curl = `curl -s -m 5 -o /dev/null -w '%{http_code}' --cacert ${quote(key.cacert)} --cert ${quote(key.gatewayCert)} --key ${quote(key.gatewayKey)} --data-binary @-`;
  const tries = key.passwords.map(
    (p, i) => `care_try ${quote(p.name)} <<'END${String(i)}'\n${JSON.stringify({ name: p.name, password: p.password })}\nEND${String(i)}`,
  );
  return `PATH="$PATH:/usr/local/bin"
care_ctl() { etcdctl --endpoints="$care_at" ${flags} "$@" </dev/null; }
care_at=
if [ ! -r ${quote(key.cert)} ] || [ ! -r ${quote(key.key)} ] || [ ! -r ${quote(key.cacert)} ] || ! command -v etcdctl >/dev/null 2>&1; then
  printf absent; care_mark; care_mark; care_mark; care_mark
else
  # The first that answers a linearizable read; etcdctl would go on trying closed ports.
  care_found=
  for care_at in ${key.endpoints.map(quote).join(' ')}; do
    timeout 4 openssl s_client -connect "\${care_at#*://}" </dev/null 2>/dev/null | grep -q '^CONNECTED' || continue
    care_ctl endpoint health >/dev/null 2>&1 && care_found=yes && break
  done
  if [ -n "$care_found" ] && care_status=$(care_ctl auth status -w json 2>&1); then printf up; else printf down; fi
  care_mark
  openssl x509 -noout -subject -nameopt multiline -in ${quote(key.cert)} 2>/dev/null | sed -n 's/^ *commonName *= //p'
  printf '%s' "\${care_status-no member answers}"
  care_mark
  case \${care_status-} in '{'*)
    care_ctl user list 2>/dev/null | while IFS= read -r care_one; do printf 'user %s ' "$care_one"; care_ctl user get "$care_one" -w json 2>/dev/null || echo; done
    care_ctl role list 2>/dev/null | while IFS= read -r care_one; do printf 'role %s ' "$care_one"; care_ctl role get "$care_one" -w json 2>/dev/null || echo; done ;;
  esac
  care_mark
  care_try() { printf '%s %s\\n' "$1" "$(${curl} "$care_at/v3/auth/authenticate" 2>/dev/null)"; }
  case \${care_status-} in *'"enabled":true'*)
    :
${tries.join('\n')}
    ;;
  esac
  care_mark
fi`;
}

const Status = z.object({ enabled: z.boolean().default(false) });
const UserAnswer = z.object({ roles: z.array(z.string()).default([]) });
const RoleAnswer = z.object({ perm: z.array(z.object({ permType: z.int().default(0), key: z.string().default(''), range_end: z.string().default('') })).default([]) });

/** A permission as facts have it; an end of range is `end` in base64, empty for one key. */
export function permission(kind: string, key: string, end: string): string {
  return `${kind} ${key} ${end}`.trimEnd();
}

function parseOne(sections: readonly Buffer[]): EtcdAuthFact {
  const [state = '', head = '', listed = '', tried = ''] = sections.map((s) => s.toString('utf8').trim());
  if (state !== 'absent' && state !== 'down' && state !== 'up') throw new Error('no answer about etcd');
  const lines = head.split('\n');
  const answer = lines.filter((l) => l.startsWith('{"header"')).at(-1);
  const nothing = { commonName: lines[0] ?? '', enabled: false, users: {}, roles: {}, passwords: {} };
  if (state !== 'up' || answer === undefined) return { ...nothing, state: state === 'absent' ? 'absent' : 'down', trouble: lines.at(-1) ?? '' };
  const users: Record<string, readonly string[]> = {};
  const roles: Record<string, readonly string[]> = {};
  for (const line of listed.split('\n')) {
    const [, kind, name = '', json = ''] = /^(user|role) (.*?) (\{.*)$/.exec(line) ?? [];
    if (kind === 'user') users[name] = UserAnswer.parse(JSON.parse(json)).roles;
    if (kind === 'role') roles[name] = RoleAnswer.parse(JSON.parse(json)).perm.map((p) => permission(PERMISSIONS[p.permType] ?? 'unknown', p.key, p.range_end)).sort();
  }
  const passwords = Object.fromEntries(tried === '' ? [] : tried.split('\n').map((l) => [l.split(' ')[0] ?? '', l.endsWith(' 200')] as const));
  return { state: 'up', trouble: '', commonName: lines[0] ?? '', enabled: Status.parse(JSON.parse(answer)).enabled, users, roles, passwords };
}

function parse(keys: readonly EtcdAuthKey[], output: ProbeOutput): readonly EtcdAuthFact[] {
  const sections = [output.head, ...output.sections];
  return keys.map((_, i) => parseOne(sections.slice(i * 4, i * 4 + 4)));
}

export const etcdAuth = defineQuery<EtcdAuthKey, EtcdAuthFact>({
  name: 'etcd-auth',
  // Another password is another question; only its digest is part of the name.
  id: (key) => [...key.endpoints, ...key.passwords.map((p) => `${p.name}=${createHash('sha256').update(`etcd-auth ${p.password}`).digest('hex').slice(0, 12)}`)].join(' '),
  describe: (key) => `authentication of etcd at ${key.endpoints.join(', ')}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  volatile: true,
});
