import { stringify } from 'yaml';
import { z } from 'zod';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import { forgetKinds } from '../../host/query.ts';
import { attach, sh } from '../../support/shell.ts';
import { AbsolutePath } from '../arguments.ts';
import { defineModule } from '../define.ts';
import { patroniQuery } from '../patroni_member/index.ts';
import { leaderOf } from '../patroni_member/decide.ts';
import { LEADER_FIRST, type PatroniFact } from '../patroni_member/query.ts';
import { clusterArguments, PatroniMemberArgs } from '../patroni_member/schema.ts';
import { changedParameters, configPatch, decreases, isJsonMap, type Json, type JsonMap } from './patch.ts';
import { startParameters } from './query.ts';

const member = PatroniMemberArgs.shape;

const Args = z.strictObject({
  config: z.record(z.string(), z.unknown()).describe('The whole dynamic configuration, as in the section `bootstrap.dcs`'),
  keep: z.array(z.string()).default(['pause', 'standby_cluster']).describe('Keys at the top level that are left as they are when `config` has none'),
  ...clusterArguments,
  cert: member.cert,
  key: member.key,
  auth_file: member.auth_file,
  socket_dir: AbsolutePath.default('/var/run/postgresql').describe('Directory of the socket of PostgreSQL'),
  port: z.int().min(1).max(65_535).default(5432).describe('Its port'),
});
type Args = z.output<typeof Args>;

/** Not part of the arguments: a schema that names itself can't be part of the schema of tasks. */
const Config: z.ZodType<JsonMap> = z.record(z.string(), z.json());

const resource = (args: Args): string => `configuration of Patroni cluster ${args.scope}`;

/** Keys in one order, so that a difference is a difference. */
function yaml(value: JsonMap): string {
  return stringify(value, { sortMapEntries: true, lineWidth: 0 });
}

function words(patch: Json, path: readonly string[] = []): readonly string[] {
  if (!isJsonMap(patch)) return [`${path.join('.')} ${patch === null ? 'removed' : `= ${JSON.stringify(patch)}`}`];
  return Object.entries(patch).flatMap(([key, value]) => words(value, [...path, key]));
}

function plan(args: Args, fact: PatroniFact, needRestart: readonly string[], checkMode: boolean): Plan {
  const text = fact.dcs?.config;
  if (text === undefined) {
    // A cluster that is made later in the run begins with its configuration.
    if (checkMode || fact.dcs?.systemId === undefined) return ok({ restart: [], leader_first: false });
    return failed(`cluster ${args.scope} has no configuration in etcd`, `care-patronictl edit-config ${args.scope}`);
  }
  const now = Config.parse(JSON.parse(text));
  const wanted = Config.parse(args.config);
  const patch = configPatch(now, wanted, args.keep);
  if (patch === undefined) return ok({ restart: [], leader_first: false });
  const kept = Object.fromEntries(Object.entries(now).filter(([key]) => args.keep.includes(key)));
  const url = (args.members.find((m) => m.name === leaderOf(fact)?.name) ?? args.members[0])?.rest_url ?? '';
  return converge(
    [
      {
        resource: resource(args),
        what: words(patch).join(', '),
        diff: { before: yaml(now), after: yaml({ ...kept, ...wanted }), name: resource(args) },
        script: sh`care_said=$(curl -sS -m 30 -w '\n%{http_code}' -X PATCH -K ${args.auth_file} --cacert ${args.cacert} --cert ${args.cert} --key ${args.key} -H 'Content-Type: application/json' -d @${attach(JSON.stringify(patch))} ${`${url}/config`} 2>&1 </dev/null) || { printf '%s\n' "$care_said" >&2; exit 1; }
case $(printf '%s\n' "$care_said" | tail -n 1) in 2??) ;; *) printf '%s\n' "$care_said" >&2; exit 1 ;; esac`,
        effects: [forgetKinds('patroni')],
      },
    ],
    { restart: changedParameters(patch).filter((name) => needRestart.includes(name)), leader_first: decreases(now, patch, LEADER_FIRST) },
  );
}

export const patroniConfig = defineModule({
  name: 'patroni_config',
  summary: 'Keep the dynamic configuration of a Patroni cluster, which etcd holds, exactly as declared',
  description: `What \`patronictl edit-config\` changes by hand: what is declared is set, what is not is removed, but for \`keep\`. A member takes it over
by itself; what needs a restart of PostgreSQL is named in \`restart\` and waits for \`patroni_member\` with \`only_if: pending\`. Where there is
no cluster yet, nothing is done: a new one begins with it. Put \`run_once: true\` on the task.`,
  args: Args,
  examples: [
    {
      title: 'A parameter for all members',
      yaml: 'patroni_config:\n  config:\n    ttl: 20\n    postgresql:\n      parameters: { max_connections: 200 }\n  scope: care\n  members:\n    - { name: db1, rest_url: "https://10.0.0.1:8008" }\n  data_dir: /var/lib/postgresql/17/care\n  bin_dir: /usr/lib/postgresql/17/bin\n  cacert: /etc/postgresql/pki/ca.crt\n  cert: /etc/postgresql/pki/admin.crt\n  key: /etc/postgresql/pki/admin.key\n  etcd:\n    endpoints: ["https://10.0.0.1:2379"]\n    cacert: /etc/postgresql/pki/etcd-ca.crt\n    cert: /etc/postgresql/pki/etcd.crt\n    key: /etc/postgresql/pki/etcd.key\nrun_once: true\n',
    },
  ],
  returns: { restart: 'changed parameters that take effect when PostgreSQL is started', leader_first: 'whether one of them gets smaller and must be on the leader before it can be on a standby' },
  queries: (args) => [patroniQuery(args), startParameters({ binDir: args.bin_dir, socketDir: args.socket_dir, port: args.port })],
  plan: (args, host) => plan(args, host.fact(patroniQuery(args)), host.fact(startParameters({ binDir: args.bin_dir, socketDir: args.socket_dir, port: args.port })), host.checkMode),
});
