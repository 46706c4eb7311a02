import { forgetKinds, type Effect } from '../../host/query.ts';
import { converge, failed, ok, type Change, type Plan } from '../../host/plan.ts';
import { rawScript, sh, type Script } from '../../support/shell.ts';
import { defineModule } from '../define.ts';
import { decideRestart } from './decide.ts';
import { patroniProcess, type PatroniProcessKey } from './query.ts';
import { PatroniRestartArgs } from './schema.ts';

const keyOf = (args: PatroniRestartArgs): PatroniProcessKey => ({ unit: args.unit, dataDir: args.data_dir, packages: args.packages });
const effects: readonly Effect[] = [forgetKinds('unit', 'patroni-view', 'patroni-process', 'command-output', 'command-status')];

/** `/health` answers 200 only while PostgreSQL runs. */
function restartScript(args: PatroniRestartArgs): Script {
  return sh`[ "$(systemctl show -p NeedDaemonReload --value ${args.unit})" != yes ] || systemctl daemon-reload
systemctl restart ${args.unit}
care_end=$(( $(date +%s) + ${args.timeout} ))
until [ "$(curl -sS --noproxy '*' --max-time 3 --cacert ${args.cacert} -o /dev/null -w '%{http_code}' ${`${args.url[0] ?? ''}/health`} 2>/dev/null)" = 200 ]; do
  [ "$(date +%s)" -lt "$care_end" ] || { echo ${`${args.name} does not run ${String(args.timeout)} s after the restart`} >&2; systemctl --no-pager --full --lines=20 status ${args.unit} >&2 || :; exit 1; }
  sleep 1
done`;
}

function restart(args: PatroniRestartArgs, why: string, script: Script): Change {
  return { resource: `member ${args.name}`, what: `restart for ${why}`, script, effects, timeoutSeconds: args.timeout + 180 };
}

export const patroniRestart = defineModule({
  name: 'patroni_restart',
  summary: 'Restart a Patroni member that runs older software than is installed',
  description: `Compares when Patroni and PostgreSQL were started with when their packages were unpacked, so a restart that a cut-off run still owed
is made by the next. Restarts Patroni and with it PostgreSQL, and waits until it runs.

It does not ask whether the others can spare the member: put \`patroni_gate\` before and after, and move leadership away first
(\`patroni_switchover\`).`,
  args: PatroniRestartArgs,
  examples: [{ title: 'After an upgrade', yaml: 'patroni_restart:\n  name: db2\n  url: https://10.0.0.2:8008\n  data_dir: /var/lib/postgresql/17/care\n  packages: [patroni, postgresql-17]\n' }],
  returns: { owed: 'whether it ran older software' },
  queries: (args) => [patroniProcess(keyOf(args))],
  plan(args, host): Plan {
    // Packages that would be installed leave nothing to be known of their files: what the run has said decides.
    if (host.checkMode && args.owed) return converge([restart(args, 'what would be installed', rawScript(':'))], { owed: true });
    const decision = decideRestart(host.fact(patroniProcess(keyOf(args))));
    if (decision.type === 'done') return ok({ owed: false });
    if (decision.type === 'stopped') return failed(`${args.unit} does not run`, 'apply the role postgres, which starts it, or see `journalctl -u care-patroni`');
    return converge([restart(args, decision.why, restartScript(args))], { owed: true });
  },
});
