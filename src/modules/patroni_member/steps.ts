/** The script of each step, and how it is told to people. */
import { randomBytes } from 'node:crypto';
import { stringify } from 'yaml';
import { Secret } from '../../support/secret.ts';
import { attach, joinScripts, rawScript, sh, type Script } from '../../support/shell.ts';
import { roleSteps } from '../patroni_roles/declaration.ts';
import type { Doing } from './decide.ts';
import type { PatroniFact } from './query.ts';
import type { PatroniMemberArgs } from './schema.ts';

export function describeStep(step: Doing): string {
  switch (step.type) {
    case 'bootstrap':
      return 'make a cluster';
    case 'start':
      return 'start';
    case 'join':
      return 'join the cluster';
    case 'set-aside':
      return `set the data aside: ${step.why}`;
    case 'reload':
      return 'reload';
    case 'switchover':
      return `hand over to ${step.to}`;
    case 'restart-unit':
      return 'restart';
    case 'restart-postgres':
      return 'restart PostgreSQL';
    case 'leave':
      return 'leave the cluster';
    case 'forget-slots':
      return 'let its replication slot go';
    case 'keep-slots':
      return 'keep slots of others as before';
  }
}

const restUrl = (args: PatroniMemberArgs, name: string): string => args.members.find((m) => m.name === name)?.rest_url ?? '';

/** `care_get PATH` asks this host's REST API; `care_send METHOD URL BODY` makes an unsafe request; the password is in a file. */
function functions(args: PatroniMemberArgs): Script {
  return sh`care_log() { journalctl -q -u ${args.unit} -n 15 --no-pager -o cat >&2 2>/dev/null || :; }
care_get() { curl -s -f -m 5 --cacert ${args.cacert} ${restUrl(args, args.name)}"$1" 2>/dev/null </dev/null; }
care_send() {
  care_said=$(curl -sS -m ${args.timeout} -w '\n%{http_code}' -K ${args.auth_file} --cacert ${args.cacert} --cert ${args.cert} --key ${args.key} -H 'Content-Type: application/json' -X "$1" -d "$3" "$2" 2>&1 </dev/null) || { printf '%s\n' "$care_said" >&2; return 1; }
  case $(printf '%s\n' "$care_said" | tail -n 1) in 2??) ;; *) printf '%s\n' "$care_said" >&2; return 1 ;; esac
}
care_streams() {
  care_said=$(care_get /patroni | tr -d ' ')
  case $care_said in
    *'"replication_state":"streaming"'*) return 0 ;;
    # Patroni before 3.1 does not say so.
    *'"patroni":{"version":"3.0'*) care_get /replica >/dev/null ;;
    *) return 1 ;;
  esac
}
care_works() { care_get /primary >/dev/null || care_streams; }`;
}

/** Waits until a command succeeds, a second between tries; not for a unit that has given up. */
function waitFor(args: PatroniMemberArgs, command: string, failure: string): Script {
  return sh`care_end=$(( $(date +%s) + ${args.timeout} ))
until ${rawScript(command)}; do
  if [ "$(date +%s)" -ge "$care_end" ] || [ "$(systemctl show -p ActiveState --value ${args.unit})" = failed ]; then echo ${failure} >&2; care_log; exit 1; fi
  sleep 1
done`;
}

function startUnit(args: PatroniMemberArgs): Script {
  return sh`[ "$(systemctl show -p NeedDaemonReload --value ${args.unit})" != yes ] || systemctl daemon-reload
systemctl reset-failed ${args.unit} 2>/dev/null || :
systemctl start --no-block ${args.unit}`;
}

/** What a new cluster begins with, run by Patroni as superuser over the socket. Nothing of it is logged. */
function bootstrapSql(args: PatroniMemberArgs): Secret {
  const statements = args.bootstrap_roles.flatMap((role) => roleSteps(role, undefined)).map((step) => `${step.statement(() => randomBytes(16))};`);
  return Secret.derived(['SET log_statement = none;', 'SET log_min_duration_statement = -1;', 'SET log_min_error_statement = panic;', ...statements, ''].join('\n'));
}

/**
 * The section `bootstrap` stands in a file of its own and only until the cluster is made: it means nothing afterwards, and
 * Patroni is not to be reloaded for a change of it.
 */
function bootstrap(args: PatroniMemberArgs): Script {
  const sql = '/etc/patroni/bootstrap.sql';
  const file = `${args.config_dir}/10-bootstrap.yml`;
  const section = { ...args.bootstrap, post_bootstrap: `${args.bin_dir}/psql -X -q -v ON_ERROR_STOP=1 -f ${sql} -d` };
  return joinScripts([
    sh`care_clean() { rm -f -- ${file} ${sql}; }
trap care_clean EXIT
care_put ${attach(stringify({ bootstrap: section }, { lineWidth: 0, compat: 'yaml-1.1' }))} ${file} 0640 root postgres
care_put ${attach(bootstrapSql(args))} ${sql} 0640 root postgres`,
    startUnit(args),
    // A bootstrap that fails is tried again by the unit for ever, which would hide the reason.
    sh`care_end=$(( $(date +%s) + ${args.timeout} ))
until care_get /primary >/dev/null; do
  if [ "$(date +%s)" -ge "$care_end" ] || [ "$(systemctl show -p NRestarts --value ${args.unit})" -gt 0 ] || [ "$(systemctl show -p ActiveState --value ${args.unit})" = failed ]; then
    echo 'the new cluster does not work' >&2
    care_log
    systemctl stop ${args.unit}
    exit 1
  fi
  sleep 1
done`,
  ]);
}

/** Nothing is deleted: it may be what somebody needs. */
function setAside(args: PatroniMemberArgs): Script {
  return sh`systemctl stop ${args.unit}
if [ -d ${args.data_dir} ] && [ -n "$(ls -A ${args.data_dir})" ]; then
  care_old=${args.data_dir}.former-$(date -u +%Y%m%dT%H%M%SZ)
  mv -- ${args.data_dir} "$care_old" || { echo ${`${args.data_dir} can't be renamed (is it a mount point?): move what it holds into a directory beside it by hand`} >&2; exit 1; }
  install -d -m 0700 -o postgres -g postgres ${args.data_dir}
fi`;
}

function switchover(args: PatroniMemberArgs, from: string, to: string): Script {
  const body = JSON.stringify({ leader: from, candidate: to });
  return joinScripts([
    sh`care_send POST ${`${restUrl(args, from)}/switchover`} ${body}`,
    waitFor(args, sh`curl -s -f -m 5 --cacert ${args.cacert} ${`${restUrl(args, to)}/primary`} >/dev/null 2>&1`.text, `${to} has not become the leader`),
    waitFor(args, 'care_streams', `${from} does not follow ${to}`),
  ]);
}

/** @param fact the facts that the step was decided on */
export function stepScript(step: Doing, args: PatroniMemberArgs, fact: PatroniFact): Script {
  return joinScripts([functions(args), bodyOf(step, args, fact)]);
}

function bodyOf(step: Doing, args: PatroniMemberArgs, fact: PatroniFact): Script {
  switch (step.type) {
    case 'bootstrap':
      return bootstrap(args);
    case 'start':
      return joinScripts([startUnit(args), ...(step.wait ? [waitFor(args, 'care_works', `${args.name} does not stream from the leader`)] : [])]);
    case 'join':
      return joinScripts([startUnit(args), waitFor(args, 'care_works', `${args.name} does not stream from the leader`)]);
    case 'set-aside':
      return setAside(args);
    case 'reload':
      // On a signal Patroni writes pg_hba.conf and postgresql.conf anew, changed or not (ConfigHandler.reload_config).
      return joinScripts([sh`systemctl reload ${args.unit}`, waitFor(args, sh`cmp -s ${args.hba_file} ${`${args.data_dir}/pg_hba.conf`}`.text, 'Patroni has not written pg_hba.conf anew')]);
    case 'switchover':
      return switchover(args, step.from, step.to);
    case 'restart-unit':
      return joinScripts([
        sh`systemctl stop ${args.unit}`,
        startUnit(args),
        ...(fact.dcs?.leader === undefined ? [] : [waitFor(args, 'care_works', `${args.name} does not work after the restart`)]),
      ]);
    case 'restart-postgres':
      return joinScripts([sh`care_send POST ${`${restUrl(args, args.name)}/restart`} '{"restart_pending": true}'`, waitFor(args, 'care_works', `${args.name} does not work after the restart`)]);
    case 'forget-slots':
    case 'keep-slots':
      return sh`care_send PATCH ${`${restUrl(args, fact.dcs?.leader ?? '')}/config`} ${JSON.stringify({ member_slots_ttl: step.type === 'forget-slots' ? 0 : null })}`;
    case 'leave':
      return joinScripts([sh`systemctl disable --now ${args.unit}`, setAside(args)]);
  }
}
