/** A PostgreSQL 17 on a lab host, from Debian's package, in a cluster of its own that only TLS and a password get into. */
import type { Lab } from '../../../src/lab/index.ts';
import { labExec, labHost } from '../../../src/lab/index.ts';
import { onHost } from './lab-project.ts';

export const SERVER_PORT = 5499;
export const SERVER_PASSWORD = 'store-pass:word@1';

export interface PostgresServer {
  readonly address: string;
  /** The authority of its certificate, PEM. */
  readonly ca: string;
  /** SQL as superuser in database runs. */
  sql(text: string): Promise<string>;
  control(action: 'restart' | 'stop' | 'start'): Promise<void>;
}

/** Debian's packages cannot be had here: the tests that need them are skipped, and say so. */
export class NoPackage extends Error {
  override readonly name = 'NoPackage';
}

const INSTALL = 'export DEBIAN_FRONTEND=noninteractive; command -v pg_createcluster >/dev/null || { apt-get -q update && apt-get -q -y --no-install-recommends install postgresql-17 && touch /var/tmp/store-installed; } >/tmp/store-install.log 2>&1 || { tail -3 /tmp/store-install.log >&2; exit 1; }';

/** Makes the cluster anew. */
export async function postgresServer(lab: Lab, host: string): Promise<PostgresServer> {
  // Minutes, where the machine has other things to do: a package that comes late is not one that cannot be had.
  const installed = await labExec(lab, host, ['sh', '-c', INSTALL], { timeoutMs: 300_000 }).catch((cause: unknown) => {
    throw new NoPackage(`package postgresql-17 cannot be installed on ${host}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  if (installed.status !== 0) throw new NoPackage(`package postgresql-17 cannot be installed on ${host}: ${installed.stderr}`);
  const address = labHost(lab, host).sshAddress;
  await onHost(
    lab,
    host,
    `set -e
pg_dropcluster --stop 17 store 2>/dev/null || true
pg_createcluster 17 store --port ${String(SERVER_PORT)} >/dev/null
cd /etc/postgresql/17/store
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=store -addext 'subjectAltName=IP:${address}' -keyout server.key -out server.crt 2>/dev/null
chown postgres: server.key server.crt; chmod 0600 server.key
printf "listen_addresses = '*'\\nssl = on\\nssl_cert_file = '/etc/postgresql/17/store/server.crt'\\nssl_key_file = '/etc/postgresql/17/store/server.key'\\n" >conf.d/store.conf
printf 'local all postgres peer\\nhostssl runs care,reader all scram-sha-256\\n' >pg_hba.conf
pg_ctlcluster --skip-systemctl-redirect 17 store start
cd /
runuser -u postgres -- psql -q -p ${String(SERVER_PORT)} -c "create role care login password '${SERVER_PASSWORD}'" -c 'create database runs owner care'`,
  );
  return {
    address,
    ca: await onHost(lab, host, 'cat /etc/postgresql/17/store/server.crt'),
    sql: (text) => onHost(lab, host, `cd /; runuser -u postgres -- psql -qAt -v ON_ERROR_STOP=1 -p ${String(SERVER_PORT)} -d runs <<'SQL'\n${text}\nSQL`),
    control: async (action) => {
      await onHost(lab, host, `pg_ctlcluster --skip-systemctl-redirect 17 store ${action} >/tmp/store-control.log 2>&1 || { cat /tmp/store-control.log >&2; exit 1; }`);
    },
  };
}

export async function removePostgresServer(lab: Lab, host: string): Promise<void> {
  // The package makes a cluster of its own on the usual port: a host that had none is left without.
  await onHost(lab, host, `pg_dropcluster --stop 17 store 2>/dev/null || true
[ -e /var/tmp/store-installed ] || exit 0
pg_dropcluster --stop 17 main 2>/dev/null || true
DEBIAN_FRONTEND=noninteractive apt-get -q -y purge 'postgresql-17' 'postgresql-client-17' postgresql-common postgresql-client-common >/dev/null 2>&1
rm -rf /etc/postgresql /etc/postgresql-common /var/lib/postgresql /var/tmp/store-installed`);
}
