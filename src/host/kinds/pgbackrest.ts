/** What pgBackRest knows of a stanza, asked on a host that has it, and which cluster is in the data directory there. Reads only. */
import { z } from 'zod';
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import type { ProbeOutput } from '../query.ts';

export interface PgbackrestKey {
  readonly stanza: string;
  /** Data directory of PostgreSQL on the host asked; empty on a host that has none. */
  readonly dataDir: string;
  /** Directory of pg_controldata. */
  readonly binDir: string;
}

export interface PgbackrestBackup {
  readonly label: string;
  readonly type: string;
  /** The history entry of the cluster that it is of. */
  readonly databaseId: number;
  /** Unix time in seconds. */
  readonly stop: number;
}
export interface PgbackrestRepository {
  readonly key: number;
  /** Status of `info` (src/command/info/info.c of pgBackRest): 0 ok, 1 no stanza, 2 no backup, 3 no data of the stanza, 99 other. */
  readonly code: number;
  readonly message: string;
  /** The cluster that the stanza is for now: the newest of its history. */
  readonly cluster: { readonly id: number; readonly systemId: string; readonly version: string } | undefined;
  /** Without those that were taken with errors. */
  readonly backups: readonly PgbackrestBackup[];
}
export interface PgbackrestFact {
  /** False where the program or its configuration is missing: then nothing is known of the repositories. */
  readonly configured: boolean;
  /** The cluster in the data directory. */
  readonly cluster: { readonly systemId: string; readonly version: string } | undefined;
  /** Why `info` could not answer at all. */
  readonly error: string | undefined;
  readonly repositories: readonly PgbackrestRepository[];
}

/** Seconds for all repositories together: well below the time limit of a round trip, in which other questions are asked as well. */
const ASK_SECONDS = 40;
/** Seconds that pgBackRest tries to reach one (io-timeout; its own default is a minute, and it tries again). */
const REACH_SECONDS = 10;

function probeOne(key: PgbackrestKey): string {
  return `care_as_postgres() { if [ "$(id -u)" -eq 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
cd /
care_ask=no
if command -v pgbackrest >/dev/null 2>&1 && [ -f /etc/pgbackrest/pgbackrest.conf ]; then care_ask=yes; fi
echo "$care_ask"
care_mark
if [ -n ${quote(key.dataDir)} ] && [ -f ${quote(`${key.dataDir}/PG_VERSION`)} ]; then
  cat ${quote(`${key.dataDir}/PG_VERSION`)}
  ${quote(`${key.binDir}/pg_controldata`)} -D ${quote(key.dataDir)} 2>/dev/null | sed -n 's/^Database system identifier: *//p'
fi
care_mark
care_status=0
if [ "$care_ask" = yes ]; then
  care_out=$(care_as_postgres timeout ${String(ASK_SECONDS)} pgbackrest --stanza=${quote(key.stanza)} --output=json --log-level-console=error --io-timeout=${String(REACH_SECONDS)} info 2>&1) || care_status=$?
  printf '%s\\n%s' "$care_status" "$care_out"
fi
care_mark`;
}

/**
 * System identifiers are 64-bit and JSON.parse would round them: they become texts first. Messages may quote what an
 * unreadable file holds, and pgBackRest does not escape control characters in them (seen with 2.55).
 */
function parseJson(text: string): unknown {
  return JSON.parse(text.replaceAll(/[\u0000-\u001f]/g, ' ').replaceAll(/"system-id":(\d+)/g, '"system-id":"$1"'));
}

const Info = z.array(
  z.object({
    db: z.array(z.object({ id: z.number(), 'repo-key': z.number(), 'system-id': z.string(), version: z.string() })).default([]),
    backup: z
      .array(z.object({ label: z.string(), type: z.string(), error: z.boolean().nullish(), database: z.object({ id: z.number(), 'repo-key': z.number() }), timestamp: z.object({ stop: z.number() }) }))
      .default([]),
    repo: z.array(z.object({ key: z.number(), status: z.object({ code: z.number(), message: z.string() }) })).default([]),
  }),
);

function parseRepositories(text: string): readonly PgbackrestRepository[] {
  const [stanza] = Info.parse(parseJson(text));
  return (stanza?.repo ?? []).map(({ key, status }) => {
    const newest = stanza?.db.filter((db) => db['repo-key'] === key).sort((a, b) => b.id - a.id)[0];
    return {
      key,
      code: status.code,
      message: status.message,
      cluster: newest === undefined ? undefined : { id: newest.id, systemId: newest['system-id'], version: newest.version },
      backups: (stanza?.backup ?? [])
        .filter((b) => b.database['repo-key'] === key && b.error !== true)
        .map((b) => ({ label: b.label, type: b.type, databaseId: b.database.id, stop: b.timestamp.stop })),
    };
  });
}

function parseOne(sections: readonly Buffer[]): PgbackrestFact {
  const [ask = '', control = '', info = ''] = sections.map((s) => s.toString('utf8').trim());
  if (ask !== 'yes' && ask !== 'no') throw new Error('no answer about pgBackRest');
  const [version, systemId] = control.split('\n');
  const cluster = version === undefined || systemId === undefined ? undefined : { version, systemId };
  if (ask === 'no') return { configured: false, cluster, error: undefined, repositories: [] };
  const end = info.indexOf('\n');
  const status = end === -1 ? info : info.slice(0, end);
  const text = end === -1 ? '' : info.slice(end + 1);
  if (status !== '0') return { configured: true, cluster, error: text !== '' ? text : status === '124' ? `no answer within ${String(ASK_SECONDS)} s` : `exit status ${status}`, repositories: [] };
  return { configured: true, cluster, error: undefined, repositories: parseRepositories(text) };
}

function parse(keys: readonly PgbackrestKey[], output: ProbeOutput): readonly PgbackrestFact[] {
  const sections = [output.head, ...output.sections];
  return keys.map((_, i) => parseOne(sections.slice(i * 3, i * 3 + 3)));
}

export const pgbackrest = defineQuery<PgbackrestKey, PgbackrestFact>({
  name: 'pgbackrest',
  id: (key) => [key.stanza, key.dataDir, key.binDir].join(' '),
  describe: (key) => `backups of stanza ${key.stanza}`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  show: (fact) => fact.error ?? fact.repositories.map((r) => `repo${String(r.key)}: ${r.message}, ${String(r.backups.length)} backups`).join('; '),
  volatile: true,
});
