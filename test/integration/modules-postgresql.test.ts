/**
 * The postgresql_* modules against real servers: PostgreSQL 17 on Debian 13 and 15 on Debian 12, both installed here. What
 * holds for every module (predicted, applied, nothing left to do, drift mended), and what a database has besides: secrets
 * in no log, names that want to be code, wrong passwords, standbys, servers that restart, statements that take too long.
 */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../src/lab/index.ts';
import type { RunOptions } from '../../src/run/options.ts';
import type { Result } from '../unit/run/support.ts';
import { changesOf, succeeds, unknownTasks } from './support/laws.ts';
import { eventually, hostVariables, inventoryOf, labProject, onHost, troubleOf, type LabProject } from './support/lab-project.ts';
import { sharedLab } from './support/lab.ts';

const TRIXIE = 'test-trixie';
const BOOKWORM = 'test-bookworm';
const VERSIONS = { [TRIXIE]: 17, [BOOKWORM]: 15 };
const HOSTS = [TRIXIE, BOOKWORM] as const;
const ADMIN = 'admin pass-Wort 4711';
/** Not ASCII, with a quote and a character that SASLprep turns into two. */
const PASSWORD = "pässwörd's Ⅸ geheim";
const EVIL = `x"; DROP ROLE care; --'\\ $$ ü`;

const SERVER = `
- name: server
  hosts: all
  tasks:
    - {name: install, package: {name: postgresql}}
    - {name: start, systemd: {name: "postgresql@{{ pg_version }}-main.service", state: started}}
    - name: admin
      become_user: postgres
      changed_when: false
      shell:
        cmd: psql -v ON_ERROR_STOP=1 -f -
        stdin: |
          ALTER SYSTEM SET log_statement = 'all';
          SELECT pg_reload_conf();
          DO $$BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'care_admin') THEN
            CREATE ROLE care_admin SUPERUSER LOGIN PASSWORD '${ADMIN}';
          END IF; END$$;
    - name: hba
      copy: {dest: "/etc/postgresql/{{ pg_version }}/main/pg_hba.conf", owner: postgres, group: postgres, mode: "0640", content: "local all postgres peer\\nlocal all all scram-sha-256\\nhostssl all all 127.0.0.1/32 scram-sha-256\\n"}
    - {name: reload, command: "systemctl reload postgresql@{{ pg_version }}-main", changed_when: false}
`;

const LOGIN = `login_password: "{{ admin_password }}"`;
const OBJECTS = `
- name: objects
  hosts: all
  tasks:
    - {name: ping, postgresql_ping: {${LOGIN}}, register: ping}
    - {name: owner role, postgresql_user: {name: care_owner, role_attr_flags: NOLOGIN, ${LOGIN}}}
    - {name: reader role, postgresql_user: {name: care_ro, role_attr_flags: NOLOGIN, ${LOGIN}}}
    - name: login
      postgresql_user: {name: care, password: "{{ care_password }}", role_attr_flags: "LOGIN,NOSUPERUSER,NOCREATEDB", conn_limit: 20, expires: "2035-01-01", comment: "it's \\\\ care", configuration: {statement_timeout: 30s, search_path: 'care, "A b", public', timezone: UTC}, reset_unspecified_configuration: true, ${LOGIN}}
    - {name: evil role, postgresql_user: {name: '{{ evil }}', role_attr_flags: NOLOGIN, comment: '{{ evil }}', ${LOGIN}}}
    - {name: database, postgresql_db: {name: care, owner: care_owner, encoding: UTF8, lc_collate: C.UTF-8, lc_ctype: C.UTF-8, conn_limit: 50, ${LOGIN}}}
    - {name: evil database, postgresql_db: {name: '{{ evil }}', owner: '{{ evil }}', ${LOGIN}}}
    - {name: membership, postgresql_membership: {groups: [care_owner, care_ro], target_roles: care, state: exact, ${LOGIN}}}
    - {name: schema, postgresql_schema: {db: care, name: audit, owner: care_owner, comment: records, ${LOGIN}}}
    - {name: evil schema, postgresql_schema: {db: '{{ evil }}', name: '{{ evil }}', owner: '{{ evil }}', ${LOGIN}}}
    - {name: extension, postgresql_ext: {db: care, name: pgcrypto, schema: audit, ${LOGIN}}}
    - {name: table, postgresql_query: {db: care, query: 'CREATE TABLE audit.patient (id int PRIMARY KEY, name text)', unless: "SELECT to_regclass('audit.patient') IS NOT NULL", ${LOGIN}}}
    - name: partitions
      postgresql_table_partition:
        db: care
        table: audit.event
        owner: care_owner
        columns: ["id bigint GENERATED ALWAYS AS IDENTITY", created timestamptz NOT NULL, 'PRIMARY KEY (id, created)']
        partition_by: {method: range, columns: [created]}
        partitions: [{name: audit.event_1, from: "2026-01-01", to: "2026-02-01"}, {name: audit.event_rest, default: true}]
        exact: true
        ${LOGIN}
    - {name: sites, postgresql_table_partition: {db: care, table: sites, columns: [site text], partition_by: {method: list, columns: [site]}, partitions: [{name: sites_a, values: [kochi, "it's", null]}], ${LOGIN}}}
    - {name: connect, postgresql_privs: {db: care, type: database, privs: CONNECT, roles: "care, care_ro", state: exact, others: revoke, ${LOGIN}}}
    - {name: usage, postgresql_privs: {db: care, type: schema, objs: audit, privs: USAGE, roles: care_ro, state: exact, ${LOGIN}}}
    - {name: event, postgresql_privs: {db: care, privs: SELECT, objs: event, schema: audit, roles: care_ro, state: exact, ${LOGIN}}}
    - {name: later, postgresql_privs: {db: care, type: default_privs, objs: "TABLES,SEQUENCES", privs: SELECT, target_roles: care_owner, roles: care_ro, schema: audit, ${LOGIN}}}
    - {name: functions, postgresql_privs: {db: care, type: default_privs, objs: FUNCTIONS, privs: EXECUTE, target_roles: care_owner, roles: PUBLIC, state: absent, ${LOGIN}}}
    - {name: database setting, postgresql_set: {database: care, name: lock_timeout, value: 5s, ${LOGIN}}}
    - {name: role setting, postgresql_set: {database: care, role: care, name: work_mem, value: 8MB, ${LOGIN}}}
    - {name: server setting, postgresql_set: {name: maintenance_work_mem, value: 65MB, ${LOGIN}}}
`;

let lab: Lab;
let project: LabProject;

beforeAll(async () => {
  lab = await sharedLab();
  const hosts = Object.fromEntries(HOSTS.map((name) => [name, hostVariables(lab, name, { pg_version: VERSIONS[name] })]));
  const inventory = JSON.parse(inventoryOf(hosts)) as { all: Record<string, unknown> };
  project = labProject({ 'inventory.yml': JSON.stringify({ all: { ...inventory.all, vars: { admin_password: ADMIN, care_password: PASSWORD, evil: EVIL } } }), 'playbook.yml': SERVER + OBJECTS });
});
afterAll(async () => {
  project.remove();
  await Promise.all(HOSTS.map((host) => onHost(lab, host, `rm -f /etc/ssh/sshd_config.d/00-no-sockets.conf; systemctl reload ssh; systemctl stop 'postgresql@*' postgresql; DEBIAN_FRONTEND=noninteractive apt-get -y purge 'postgresql*' && rm -rf /var/lib/postgresql /etc/postgresql /var/log/postgresql; systemctl daemon-reload`)));
});

function psql(host: string, sql: string, database = 'care'): Promise<string> {
  return onHost(lab, host, `cat >/tmp/in.sql <<'END'\n${sql}\nEND\nchmod 644 /tmp/in.sql; su postgres -c 'psql -v ON_ERROR_STOP=1 -tA -d ${database} -f /tmp/in.sql'; s=$?; rm /tmp/in.sql; exit $s`);
}
function serverLog(host: string): Promise<string> {
  return onHost(lab, host, 'cat /var/log/postgresql/*.log');
}
/** One playbook of one play, on one host. */
function play(host: string, tasks: string, options: Partial<RunOptions> = {}): Promise<Result> {
  project.write('one.yml', `- hosts: ${host}\n  tasks:\n${tasks.trim().split('\n').map((line) => `    ${line}`).join('\n')}\n`);
  return project.run({ playbooks: [path.join(project.dir, 'one.yml')], diff: true, ...options });
}

test('bare hosts: check predicts what apply does, without a question left; a second apply changes nothing', async () => {
  const checked = await succeeds(project, 2, { mode: 'check' });
  expect(unknownTasks(checked)).toEqual([]);
  const applied = await succeeds(project, 0);
  expect(changesOf(project, applied)).toEqual(changesOf(project, checked));
  expect(changesOf(project, applied).length).toBeGreaterThan(50);
  const again = await succeeds(project, 0);
  expect(changesOf(project, again)).toEqual([]);
  expect((await succeeds(project, 0, { mode: 'check' })).summary?.total).toMatchObject({ changed: 0, unknown: 0 });
}, 600_000);

test.each(HOSTS)('%s: what was declared is there', async (host) => {
  expect(await psql(host, "SELECT has_table_privilege('care_ro', 'audit.event', 'SELECT'), has_table_privilege('care_ro', 'audit.event', 'INSERT'), has_schema_privilege('care_ro', 'audit', 'USAGE'), has_database_privilege('public', 'care', 'CONNECT'), rolconnlimit, rolvaliduntil AT TIME ZONE 'UTC', shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = 'care'")).toBe("t|f|t|f|20|2035-01-01 00:00:00|it's \\ care");
  expect(await psql(host, `SELECT count(*) FROM pg_roles r JOIN pg_database d ON d.datname = r.rolname AND d.datdba = r.oid WHERE r.rolname = '${EVIL.replaceAll("'", "''")}'`)).toBe('1');
  expect(await psql(host, "INSERT INTO audit.event (created) VALUES ('2026-01-15'), ('2030-01-01') RETURNING tableoid::regclass")).toBe('audit.event_1\naudit.event_rest\nINSERT 0 2');
});

test.each(HOSTS)('%s: the password logs in, and no secret is in the log of the server or of the run', async (host) => {
  const said = await onHost(lab, host, `cat >/tmp/pw <<'END'\n*:*:*:care:${PASSWORD}\nEND\nchmod 600 /tmp/pw; PGPASSFILE=/tmp/pw psql -h /var/run/postgresql -U care -d care -tA -c "SELECT current_user, current_setting('statement_timeout'), current_setting('work_mem'), current_setting('search_path')"; s=$?; rm /tmp/pw; exit $s`);
  expect(said).toBe('care|30s|8MB|care, "A b", public');
  const log = await serverLog(host);
  expect(log).toContain('CREATE DATABASE "care" OWNER "care_owner"');
  for (const secret of [PASSWORD, PASSWORD.normalize('NFKC'), 'geheim', 'SCRAM-SHA-256$']) expect(log).not.toContain(secret);
  const changed = await play(host, `- postgresql_user: {name: care, password: "another geheim", ${LOGIN}}`);
  const reported = JSON.stringify(changed.events);
  expect(reported).toContain(`ALTER ROLE \\"care\\" WITH PASSWORD '********'`);
  for (const secret of ['geheim', ADMIN, 'SCRAM-SHA-256$']) expect(reported).not.toContain(secret);
  expect(await serverLog(host)).not.toContain('SCRAM-SHA-256$');
});

test('drift made by hand is found and mended, and nothing else', async () => {
  const before = await succeeds(project, 0);
  expect(changesOf(project, before).map((c) => c.split('|')[1])).toEqual(['login', 'login']);
  await psql(BOOKWORM, `ALTER ROLE care SUPERUSER PASSWORD 'x'; ALTER ROLE care SET work_mem = '1GB'; REVOKE care_ro FROM care; CREATE ROLE eve LOGIN; GRANT eve TO care;
GRANT CONNECT ON DATABASE care TO PUBLIC; ALTER DATABASE care OWNER TO eve; GRANT ALL ON audit.event TO care_ro; ALTER SCHEMA audit OWNER TO eve; DROP EXTENSION pgcrypto; DROP TABLE audit.patient;
ALTER TABLE audit.event DETACH PARTITION audit.event_1; CREATE TABLE audit.more PARTITION OF audit.event FOR VALUES FROM ('2027-01-01') TO ('2027-02-01');
ALTER DATABASE care SET lock_timeout = 0; ALTER DEFAULT PRIVILEGES FOR ROLE care_owner IN SCHEMA audit REVOKE SELECT ON TABLES FROM care_ro;`);
  const wanted = [
    'connect|privileges of PUBLIC on database care', 'database setting|setting lock_timeout of database care', 'database|database care', 'event|privileges of care_ro on table audit.event of care', 'extension|extension pgcrypto of care',
    'later|default privileges of care_ro on tables of care_owner in schema audit of care', 'login|role care', 'membership|memberships of role care', 'partitions|partition audit.event_1 of care', 'partitions|partition audit.more of care', 'schema|schema audit of care',
    'table|query CREATE TABLE audit.patient (id int PRIMARY KEY, name text)',
  ].map((change) => `${BOOKWORM}|${change}`);
  const checked = await succeeds(project, 2, { mode: 'check' });
  expect(changesOf(project, checked)).toEqual(wanted);
  expect(changesOf(project, await succeeds(project, 0))).toEqual(wanted);
  expect(changesOf(project, await succeeds(project, 0, { mode: 'check' }))).toEqual([]);
  expect(await psql(BOOKWORM, "SELECT rolsuper, pg_has_role('care', 'eve', 'MEMBER') FROM pg_roles WHERE rolname = 'care'")).toBe('f|f');
});

test('a wrong password is explained before anything is touched', async () => {
  const before = await psql(TRIXIE, 'SELECT count(*) FROM pg_roles');
  const result = await play(TRIXIE, '- postgresql_user: {name: intruder, login_password: "no such password"}');
  expect(troubleOf(result, TRIXIE)).toMatch(/^failed: postgresql_user: FATAL 28P01: password authentication failed for user "care_admin"\nTo do: the password is not the one that the server knows: after a rotation/);
  expect(troubleOf(result, TRIXIE)).not.toContain('no such password');
  expect(troubleOf(await play(TRIXIE, '- postgresql_ping: {}'), TRIXIE)).toContain('the server asks care_admin for a password, and none was given (login_password)');
  expect(await psql(TRIXIE, 'SELECT count(*) FROM pg_roles')).toBe(before);
});

test("the server's refusals are shown with code, statement and remedy", async () => {
  const refused = await play(TRIXIE, `- postgresql_query: {db: care, query: "INSERT INTO audit.patient VALUES (%s, %s)", positional_args: [1, x], ${LOGIN}}\n- postgresql_query: {db: care, query: "INSERT INTO audit.patient VALUES (1, 'y')", ${LOGIN}}`);
  expect(troubleOf(refused, TRIXIE)).toBe(`failed: postgresql_query: ERROR 23505: duplicate key value violates unique constraint "patient_pkey"\nDetail: Key (id)=(1) already exists.\nStatement: INSERT INTO audit.patient VALUES (1, 'y')`);
  expect(troubleOf(await play(TRIXIE, `- postgresql_schema: {db: nowhere, name: x, ${LOGIN}}`), TRIXIE)).toMatch(/3D000: database "nowhere" does not exist\nTo do: create the database in an earlier task/);
  expect(troubleOf(await play(TRIXIE, `- postgresql_db: {name: care, state: absent, ${LOGIN}}`), TRIXIE)).toContain('database care holds');
  const denied = await play(TRIXIE, `- postgresql_user: {name: visitor, password: "${'a'.repeat(12)}", ${LOGIN}}\n- postgresql_schema: {db: postgres, name: mine, login_user: visitor, login_password: "${'a'.repeat(12)}"}`);
  expect(troubleOf(denied, TRIXIE)).toMatch(/42501: permission denied for database postgres\nStatement: CREATE SCHEMA "mine"\nTo do: the role that logs in may not do this/);
});

test('a server that is restarted in between is found again, and statements that take too long are ended on the server', async () => {
  const restarted = await play(TRIXIE, `- postgresql_ping: {${LOGIN}}
- command: systemctl restart postgresql@17-main
- postgresql_user: {name: after_restart, role_attr_flags: NOLOGIN, ${LOGIN}}
- postgresql_query: {db: care, query: SELECT count(*)::int AS n FROM audit.event, read_only: true, ${LOGIN}}
  register: events
- assert: {that: "events.query_result[0].n == 2"}
- postgresql_query: {query: "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'care-provision' AND datname = 'care'", ${LOGIN}}
- postgresql_query: {db: care, query: SELECT 1 AS one, read_only: true, ${LOGIN}}
- postgresql_schema: {db: care, name: after_cut, ${LOGIN}}`);
  expect([troubleOf(restarted, TRIXIE), restarted.status]).toEqual(['', 0]);
  const started = performance.now();
  const slow = await play(TRIXIE, `- postgresql_query: {query: "SELECT pg_sleep(60)", read_only: true, ${LOGIN}}\n  timeout: 2`);
  expect(troubleOf(slow, TRIXIE)).toMatch(/timed out after 2 s|57014/);
  expect(performance.now() - started).toBeLessThan(20_000);
  // The server has been told to end it; it says so a moment later.
  await eventually(async () => (await psql(TRIXIE, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()")) === '0', 10_000, () => 'the statement still runs on the server');
});

test('a host without a server, and an sshd that does not forward, are told apart', async () => {
  const nobody = await play(BOOKWORM, `- postgresql_db: {name: x, login_unix_socket: /run/nowhere, ${LOGIN}}`);
  expect(troubleOf(nobody, BOOKWORM)).toBe(`failed: postgresql_db: ${BOOKWORM}: cannot reach the socket /run/nowhere/.s.PGSQL.5432: there is no such socket\nTo do: see that the service runs, and that it puts its socket there`);
  await onHost(lab, BOOKWORM, "echo 'AllowStreamLocalForwarding no' >/etc/ssh/sshd_config.d/00-no-sockets.conf; systemctl reload ssh");
  const refused = await play(BOOKWORM, `- postgresql_ping: {${LOGIN}}`);
  expect(troubleOf(refused, BOOKWORM)).toContain('somebody listens there, but sshd does not forward to it\nTo do: allow it in the sshd_config of the host (AllowStreamLocalForwarding yes');
  await onHost(lab, BOOKWORM, 'rm /etc/ssh/sshd_config.d/00-no-sockets.conf; systemctl reload ssh; systemctl stop postgresql@15-main; mkdir -p -m 700 /run/closed');
  const stopped = await play(BOOKWORM, `- postgresql_ping: {${LOGIN}}\n  register: ping\n- assert: {that: "!ping.is_available && ping.conn_err_msg.contains('there is no such socket')"}`);
  expect([troubleOf(stopped, BOOKWORM), stopped.status]).toEqual(['', 0]);
  const closed = await play(BOOKWORM, `- postgresql_db: {name: x, login_unix_socket: /run/closed, ${LOGIN}}`);
  expect(troubleOf(closed, BOOKWORM)).toContain('the login user may not use it');
  await onHost(lab, BOOKWORM, 'systemctl start postgresql@15-main; rmdir /run/closed');
});

test('a standby is refused what changes it, and asked what does not', async () => {
  await onHost(lab, TRIXIE, 'su postgres -c "touch /var/lib/postgresql/17/main/standby.signal"; systemctl restart postgresql@17-main');
  const refused = await play(TRIXIE, `- postgresql_db: {name: x, ${LOGIN}}`);
  expect(troubleOf(refused, TRIXIE)).toContain('it is a standby\nTo do: this is a standby; run it on the leader (when: inventory_hostname == postgres_leader)');
  const asked = await play(TRIXIE, `- postgresql_query: {db: care, query: SELECT pg_is_in_recovery() AS standby, read_only: true, ${LOGIN}}\n  register: q\n- assert: {that: "q.query_result[0].standby"}\n- postgresql_info: {filter: [databases], ${LOGIN}}\n  register: i\n- assert: {that: "i.in_recovery && i.databases.care.owner == 'care_owner'"}`);
  expect([troubleOf(asked, TRIXIE), asked.status]).toEqual(['', 0]);
  await onHost(lab, TRIXIE, 'su postgres -c "/usr/lib/postgresql/17/bin/pg_ctl promote -w -D /var/lib/postgresql/17/main"');
});
