/** Three lab hosts with packages of two major versions, a database, and a client that numbers what it writes: for drills of upgrades. */
import { spawn, type ChildProcess } from 'node:child_process';
import { expect } from 'vitest';
import { execArguments, type Lab } from '../../../src/lab/index.ts';
import { eventually, onHost } from '../../integration/support/lab-project.ts';

/**
 * Debian 12's packages beside Debian 13's, from the mirror that the host has: preferred to nothing that Debian 13 has, upgraded all the same (apt_preferences(5): 100 is
 * what installed packages have). Debian 12 has two minor versions of PostgreSQL 15, an older one in the release itself and a newer
 * one from its security team: the pin holds the older one until it is taken away.
 */
export const OLDER_PACKAGES = `sed '/^Suites:/{s/trixie-updates//;s/trixie/bookworm/g}' /etc/apt/sources.list.d/debian.sources >/etc/apt/sources.list.d/older.sources
printf 'Package: *\\nPin: release n=bookworm\\nPin-Priority: 100\\n\\nPackage: *\\nPin: release n=bookworm-security\\nPin-Priority: 100\\n' >/etc/apt/preferences.d/older
apt-get update -qq >/dev/null
first=$(apt-cache madison postgresql-15 | awk '{ print $3 }' | sort -V | head -n 1)
printf 'Package: postgresql-15 postgresql-client-15\\nPin: version %s\\nPin-Priority: 1001\\n' "$first" >/etc/apt/preferences.d/older-minor`;

export const NEWER_MINOR = 'rm -f /etc/apt/preferences.d/older-minor';

/** Writes as fast as a commit is confirmed, at most 200 a second, to whoever takes writes; prints the number and the time of each confirmed row. */
const WRITER = `
import sys, time, psycopg2
n, end, hosts = int(sys.argv[1]), time.time() + float(sys.argv[2]), sys.argv[3]
con = None
while time.time() < end:
    try:
        if con is None:
            con = psycopg2.connect(host=hosts, user='writer', password='a-password', dbname='app', target_session_attrs='read-write', connect_timeout=2,
                                   sslmode='verify-full', sslrootcert='/etc/postgresql/pki/ca.crt')
            con.autocommit = True
            cur = con.cursor()
        n += 1
        cur.execute('insert into written (n) values (%s)', (n,))
        print(n, time.time(), flush=True)
        time.sleep(0.005)
    except psycopg2.Error:
        try:
            con and con.close()
        except psycopg2.Error:
            pass
        con = None
        time.sleep(0.05)
`;

export interface Written {
  readonly acknowledged: readonly number[];
  /** Seconds: the longest time without a confirmed row, between two of them. */
  readonly gap: number;
}

/** A client on a lab host that writes until it is told to stop; at most for so many seconds. */
export class Writer {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #out = '';

  constructor(lab: Lab, host: string, members: readonly string[], from: number, seconds = 840) {
    this.#child = spawn('docker', [...execArguments(lab, host, ['timeout', String(seconds + 30), 'python3', '-', String(from), String(seconds), members.join(',')], true)], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.stdout?.on('data', (data: Buffer) => { this.#out += data.toString(); });
    this.#child.stdin?.end(WRITER);
    this.#ended = new Promise((resolve) => { this.#child.once('close', () => { resolve(); }); });
  }

  async stop(lab: Lab, host: string): Promise<Written> {
    // The client ends on the host: what docker's own end would do to it is not known.
    await onHost(lab, host, "pkill -f '^python3 - ' || true");
    await this.#ended;
    const rows = this.#out.split('\n').slice(0, -1).map((line) => line.split(' ').map(Number));
    const times = rows.map(([, time]) => time ?? 0);
    return { acknowledged: rows.map(([n]) => n ?? 0), gap: Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time))) };
  }
}

export function psql(lab: Lab, host: string, database: string, text: string): Promise<string> {
  return onHost(lab, host, `su postgres -c 'psql -XAtq -v ON_ERROR_STOP=1 -d ${database} -f -' <<'SQL'\n${text}\nSQL`);
}

export async function leaderOf(lab: Lab, from: string): Promise<string> {
  const list = JSON.parse(await onHost(lab, from, 'care-patronictl list -f json')) as readonly { readonly Member: string; readonly Role: string; readonly State: string }[];
  return list.find((m) => m.Role === 'Leader' && m.State === 'running')?.Member ?? '';
}

/** Whoever of these hosts leads, waited for during a minute. */
export async function awaitLeader(lab: Lab, hosts: readonly string[]): Promise<string> {
  let found = '';
  await eventually(async () => {
    for (const name of hosts) found ||= await leaderOf(lab, name).catch(() => '');
    return found !== '';
  }, 60_000, () => 'nobody leads');
  return found;
}

export const SCHEMA = `create role writer login password 'a-password';
create database app owner writer;
\\c app
create table written (n bigint primary key, at timestamptz not null default clock_timestamp());
alter table written owner to writer;
create table patients (id bigserial primary key, name text, born date, note text);
create index on patients (name);
create index patients_icu on patients (name collate "en-x-icu");
insert into patients (name, born, note) select 'Person ' || i, date '1950-01-01' + i % 20000, repeat('x', i % 200) from generate_series(1, 100000) i;`;

/** Of all rows of a table that nobody writes to meanwhile. */
export const CHECKSUM = "select md5(string_agg(p::text, ',' order by id)) from patients p";

/** Every confirmed row is in the table. */
export async function nothingLost(lab: Lab, leader: string, written: Written): Promise<void> {
  const present = new Set((await psql(lab, leader, 'app', 'select n from written')).split('\n').map(Number));
  expect(written.acknowledged.length).toBeGreaterThan(100);
  expect(written.acknowledged.filter((n) => !present.has(n))).toEqual([]);
}
