import { content, sha256 } from '../../host/kinds/content.ts';
import { removed } from '../../host/kinds/path-effects.ts';
import { statFollow } from '../../host/kinds/path.ts';
import { unit, type UnitKey } from '../../host/kinds/unit.ts';
import { converge, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds, type AnyQuery, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { revealed, Secret } from '../../support/secret.ts';
import { attach, rawScript, sh, type Script } from '../../support/shell.ts';
import { after, before } from '../common/edit-text.ts';
import { lookAt, pathQueries, planning } from '../common/look.ts';
import { putFile } from '../common/put-file.ts';
import { defineModule } from '../define.ts';
import { SystemdUnitArgs } from './schema.ts';

const FOLDER = '/etc/systemd/system';

function filePath(args: SystemdUnitArgs): string {
  return args.dropin === undefined ? `${FOLDER}/${args.name}` : `${FOLDER}/${args.name}.d/${args.dropin}.conf`;
}

/**
 * Checks the text as if it stood in its place: in a directory that systemd-analyze searches first
 * (SYSTEMD_UNIT_PATH, file-hierarchy as systemd-analyze(1) has it). A template is checked by an instance of it; a
 * drop-in only together with its unit. `--recursive-errors=no` (systemd 250) keeps to this unit's own errors.
 */
export function verifyScript(args: SystemdUnitArgs, text: string | Secret): Script {
  const relative = filePath(args).slice(FOLDER.length + 1);
  const instance = args.name.replace(/@\./, '@verify.');
  const folder = args.dropin === undefined ? sh`` : sh`mkdir "$care_units"/${`${args.name}.d`}\n`;
  const wanted = args.dropin === undefined ? sh`true` : sh`systemctl cat -- ${instance} >/dev/null 2>&1`;
  return sh`(
care_units=$(mktemp -d)
trap 'rm -rf "$care_units"' EXIT
trap 'exit 143' HUP INT TERM
${folder}cp ${attach(text)} "$care_units"/${relative}
if command -v systemd-analyze >/dev/null && ${wanted}; then
  case $(systemd-analyze --version) in 'systemd 24'[0-9]*) care_errors= ;; *) care_errors=--recursive-errors=no ;; esac
  SYSTEMD_UNIT_PATH="$care_units:" systemd-analyze --man=no --generators=no $care_errors verify ${instance} >&2 || { printf 'systemd-analyze refuses %s\\n' ${relative} >&2; exit 1; }
fi
)`;
}

/** What the unit is once its file is there: known for a new one, to be asked for one that was there. */
function unitEffects(args: SystemdUnitArgs, text: string, host: HostView): readonly Effect[] {
  const key: UnitKey = { name: args.name, scope: 'system' };
  if (args.name.includes('@.') || args.dropin !== undefined) return [forgetKinds('unit')];
  if (host.fact(unit(key)).load !== 'not-found') return [forgetKinds('unit')];
  const installable = /^\[Install\]\s*$/m.test(text);
  const fleeting = /^\s*Type\s*=\s*oneshot\s*$/m.test(text) && !/^\s*RemainAfterExit\s*=\s*(yes|true|on|1)\s*$/im.test(text);
  return [
    forgetKinds('unit'),
    unit(key).is({ id: args.name, load: 'loaded', active: 'inactive', sub: undefined, unitFile: installable ? 'disabled' : 'static', needReload: false, conditionMet: undefined, fleeting }),
  ];
}

const RELOAD = rawScript('if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi');

function writing(args: SystemdUnitArgs, text: string | Secret, host: HostView): Change | undefined {
  const path = filePath(args);
  const folder = args.dropin === undefined ? FOLDER : `${FOLDER}/${args.name}.d`;
  const folderThere = args.dropin === undefined || host.fact(statFollow(folder)).exists;
  const put = putFile(host, {
    path,
    source: { type: 'text', text },
    attributes: { mode: text instanceof Secret ? '0600' : '0644', owner: 'root', group: 'root' },
    follow: false,
    force: true,
    backup: false,
    validate: undefined,
    ...(folderThere ? {} : { parent: { exists: true, type: 'directory' } }),
  });
  if (put === undefined) return undefined;
  const placed = folderThere ? put : before(put, sh`mkdir -p -m 0755 -- ${folder}`, [statFollow(folder).is({ exists: true, type: 'directory', real: folder })]);
  return after(args.verify ? before(placed, verifyScript(args, text)) : placed, RELOAD, unitEffects(args, revealed(text), host));
}

function plan(args: SystemdUnitArgs, host: HostView): Plan {
  const path = filePath(args);
  if (args.state === 'absent') {
    if (!lookAt(host, path).exists) return converge([]);
    return converge([{ resource: `file ${path}`, what: 'remove', script: sh`rm -f -- ${path}\n${RELOAD}`, effects: [...removed(path), forgetKinds('unit')] }]);
  }
  const text = args.template === undefined ? (args.content ?? '') : host.render(args.template);
  const change = writing(args, text, host);
  return converge(change === undefined ? [] : [change]);
}

function queries(args: SystemdUnitArgs): readonly AnyQuery[] {
  const path = filePath(args);
  return [...pathQueries(path), content(path), sha256(path), ...(args.name.includes('@.') ? [] : [unit({ name: args.name, scope: 'system' })])];
}

export const systemdUnitModule = defineModule({
  name: 'systemd_unit',
  summary: 'Write a unit file, a timer or a drop-in',
  description: `
The text is checked by \`systemd-analyze verify\` before it is put in place, and systemd reads its files again
afterwards. Starting and enabling is the \`systemd\` module's: a change here restarts nothing, notify a handler.
`.trim(),
  args: SystemdUnitArgs,
  examples: [
    { title: 'A timer', yaml: 'systemd_unit:\n  name: backup.timer\n  content: |\n    [Timer]\n    OnCalendar=02:15\n    [Install]\n    WantedBy=timers.target' },
    { title: 'A limit of a packaged service', yaml: 'systemd_unit:\n  name: postgresql@.service\n  dropin: care\n  content: |\n    [Service]\n    LimitNOFILE=65536' },
  ],
  queries,
  plan: (args, host) => planning(() => plan(args, host)),
});
