import { forgetKinds } from '../../host/query.ts';
import { converge, failed, ok, type Plan } from '../../host/plan.ts';
import { sh, type Script } from '../../support/shell.ts';
import { patroniView, type PatroniViewKey } from '../common/patroni-view.ts';
import { defineModule } from '../define.ts';
import { decideMove } from './decide.ts';
import { PatroniSwitchoverArgs } from './schema.ts';

const keyOf = (args: PatroniSwitchoverArgs): PatroniViewKey => ({ urls: args.url, cacert: args.cacert });

/**
 * `--candidate` makes Patroni refuse rather than choose another. patronictl ends when the DCS names a leader, which is before
 * that one takes writes: `GET /primary` is what tells (200 only from a primary that holds the lock).
 */
function switchoverScript(args: PatroniSwitchoverArgs, leader: string, candidate: string): Script {
  return sh`care_told=0
care_out=$(${args.patronictl} switchover ${args.cluster} --leader ${leader} --candidate ${candidate} --force 2>&1) || care_told=$?
case $care_told$care_out in
  0*'Successfully switched over'*) ;;
  # Tracebacks and tables are left out.
  *) printf '%s\n' "$care_out" | grep -iE '^[^ +|].*(error|fail|could not|status)' | tail -n 3 >&2; exit 1 ;;
esac
care_end=$(( $(date +%s) + ${args.timeout} ))
until curl -sS --noproxy '*' --max-time 3 --cacert ${args.cacert} ${`${args.url[0] ?? ''}/cluster`} 2>/dev/null | tr '{' '\n' | grep -F ${`"name": "${candidate}"`} | grep -F '"role": "leader"' | grep -Fq '"state": "running"'; do
  [ "$(date +%s)" -lt "$care_end" ] || { echo ${`${candidate} does not lead ${String(args.timeout)} s after the switchover`} >&2; exit 1; }
  sleep 0.5
done`;
}

export const patroniSwitchover = defineModule({
  name: 'patroni_switchover',
  summary: 'Move leadership of a Patroni cluster away from a member',
  description: `Does nothing when \`from\` does not lead. Otherwise the synchronous standby with the least lag takes over, one of \`candidates\` if given;
when none is fit, it fails and nothing has happened. Writes stand still for the seconds between the old leader's shutdown
and the new one's promotion; open sessions end.`,
  args: PatroniSwitchoverArgs,
  examples: [{ title: 'Before the leader is restarted', yaml: 'patroni_switchover:\n  url: https://10.0.0.1:8008\n  cluster: care\n  from: db1\n  candidates: [db2, db3]\n' }],
  returns: { leader: 'who leads afterwards' },
  queries: (args) => [patroniView(keyOf(args))],
  plan(args, host): Plan {
    const move = decideMove(host.fact(patroniView(keyOf(args))), { from: args.from, candidates: args.candidates, synchronous: args.synchronous, maxLagBytes: args.max_lag_bytes });
    if (move.type === 'refuse') return failed(move.msg, move.remedy);
    if (move.type === 'done') return ok({ leader: move.leader });
    return converge(
      [
        {
          resource: `leader of ${args.cluster}`,
          what: `${move.leader} → ${move.candidate}`,
          script: switchoverScript(args, move.leader, move.candidate),
          effects: [forgetKinds('patroni-view', 'patroni-process', 'command-output', 'command-status')],
          timeoutSeconds: args.timeout + 120,
        },
      ],
      { leader: move.candidate },
    );
  },
});
