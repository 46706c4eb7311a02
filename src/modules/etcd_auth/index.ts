import { converge, failed, ok, type Change, type Plan } from '../../host/plan.ts';
import type { Query } from '../../host/query.ts';
import { revealed } from '../../support/secret.ts';
import { joinScripts, sh } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { edits, type Edit } from './decide.ts';
import { etcdAuth, type EtcdAuthFact } from './query.ts';
import { EtcdAuthArgs } from './schema.ts';

function queryOf(args: EtcdAuthArgs): Query<EtcdAuthFact> {
  return etcdAuth({
    endpoints: args.endpoints,
    cacert: args.cacert,
    cert: args.cert,
    key: args.key,
    gatewayCert: args.gateway_cert,
    gatewayKey: args.gateway_key,
    passwords: args.users.flatMap((u) => (u.password === undefined ? [] : [{ name: u.name, password: revealed(u.password) }])),
  });
}

function change(args: EtcdAuthArgs, query: Query<EtcdAuthFact>, edit: Edit): Change {
  const head = sh`PATH="$PATH:/usr/local/bin"
care_secret() { etcdctl --endpoints=${args.endpoints.join(',')} --cacert=${args.cacert} --cert=${args.cert} --key=${args.key} --dial-timeout=5s --command-timeout=15s "$@" >/dev/null; }
care_ctl() { care_secret "$@" </dev/null; }`;
  return { resource: edit.resource, what: edit.what, script: joinScripts([head, edit.script]), effects: [query.is(edit.after)] };
}

const EMPTY: EtcdAuthFact = { state: 'up', trouble: '', commonName: 'root', enabled: false, users: {}, roles: {}, passwords: {} };

function plan(args: EtcdAuthArgs, query: Query<EtcdAuthFact>, fact: EtcdAuthFact, checkMode: boolean): Plan {
  const toChanges = (now: EtcdAuthFact): Plan => converge(edits(args, now).map((e) => change(args, query, e)), { enabled: args.enabled });
  if (fact.state === 'up') {
    if (args.enabled && fact.commonName !== 'root') return failed(`the client certificate ${args.cert} has the common name ${JSON.stringify(fact.commonName)}, not root: with authentication on, nobody could change anything any more`, 'give etcd_auth the certificate of root');
    return toChanges(fact);
  }
  if (!args.enabled && args.users.length === 0) return ok({ enabled: false });
  if (!checkMode) return failed(`no member of etcd answers: ${fact.trouble}`, 'start etcd first: journalctl -u care-etcd');
  if (args.fresh) return toChanges(EMPTY);
  return { type: 'unknown', because: `no member of etcd answers: ${fact.trouble}` };
}

export const etcdAuthModule = defineModule({
  name: 'etcd_auth',
  summary: 'Keep the users of an etcd cluster, their keys, and whether etcd asks who a client is',
  description: `A user has a role of the same name, which reaches the prefixes that it is granted and nothing else. root has no password: it is
whoever shows a certificate with the common name root over gRPC. Users that are not listed are deleted, what somebody granted by hand is taken
back, and a password that does not work is set anew. Authentication is switched on last, and only with root's certificate in hand.

etcd's HTTP gateway takes no certificate with a common name once authentication is on: clients of it, such as Patroni, need a
client certificate without one, and name and password. While authentication is off, passwords can't be tried; they are set once more when it
is switched on.

Put \`run_once: true\` on the task.`,
  args: EtcdAuthArgs,
  secretArgs: ['users'],
  examples: [
    {
      title: 'Patroni reaches its own keys',
      yaml: 'etcd_auth:\n  enabled: true\n  users:\n    - name: patroni\n      password: "{{ postgres_etcd_password }}"\n      grants: [{ prefix: /service/ }]\n  endpoints: ["https://10.0.0.1:2379"]\n  cacert: /etc/etcd/pki/ca.crt\n  cert: /etc/etcd/pki/root.crt\n  key: /etc/etcd/pki/root.key\n  gateway_cert: /etc/etcd/pki/server.crt\n  gateway_key: /etc/etcd/pki/server.key\nrun_once: true\n',
    },
  ],
  returns: { enabled: 'whether authentication is on afterwards' },
  queries: (args) => [queryOf(args)],
  plan: (args, host) => plan(args, queryOf(args), host.fact(queryOf(args)), host.checkMode),
});
