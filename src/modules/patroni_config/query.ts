/** Which parameters of a running PostgreSQL take effect at a start only. Reads only. */
import { defineQuery } from '../../host/define-query.ts';
import { quote } from '../../support/shell.ts';

export interface StartParametersKey {
  readonly binDir: string;
  readonly socketDir: string;
  readonly port: number;
}

export const startParameters = defineQuery<StartParametersKey, readonly string[]>({
  name: 'postgresql-start-parameters',
  id: (key) => `${key.socketDir} ${String(key.port)}`,
  describe: () => 'parameters of PostgreSQL that need a restart',
  probe: (keys) =>
    keys
      .map(
        (key) => `runuser -u postgres -- ${quote(`${key.binDir}/psql`)} -X -A -t -q -h ${quote(key.socketDir)} -p ${String(key.port)} -d postgres -c "SELECT name FROM pg_settings WHERE context = 'postmaster'" 2>/dev/null </dev/null
care_mark`,
      )
      .join('\n'),
  parse: (keys, output) => [output.head, ...output.sections].slice(0, keys.length).map((s) => s.toString('utf8').split('\n').map((l) => l.trim()).filter((l) => l !== '')),
});
