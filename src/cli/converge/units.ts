/** The units of a nightly run as text (systemd.unit(5), systemd.exec(5), systemd.timer(5); systemd 252 and later). Pure. */
import { z } from 'zod';
import type { Policy } from '../../run/converge/policy.ts';
import { unitsOf } from './names.ts';

/** What a set of units was written for; a comment of the service has it, for `status` and `uninstall`. */
const PurposeSchema = z.strictObject({
  name: z.string(),
  inventory: z.string(),
  arguments: z.array(z.string()),
  metrics: z.string().nullable(),
  state: z.string(),
  user: z.string(),
  /** As the timer has it. */
  calendar: z.string(),
  jitter: z.int(),
  timeout: z.int(),
});
export type Purpose = z.output<typeof PurposeSchema>;

export interface UnitsInit extends Omit<Purpose, 'calendar' | 'jitter' | 'timeout'> {
  readonly schedule: Policy['schedule'];
  readonly timeZone: string;
  /** Words that start the program, the first of them an absolute path. */
  readonly program: readonly string[];
  /** Where the program is called: paths of its arguments may be relative to it. */
  readonly directory: string;
  readonly home: string;
  /** Directories that the run may write to besides its state. */
  readonly writable: readonly string[];
  /** A file of variables (`CARE_DATABASE_URL=…`). */
  readonly environmentFile: string | undefined;
  readonly memoryMax: string;
  readonly sandbox: boolean;
}

const WRITTEN = '# Written by care-provision converge install; care-provision converge uninstall takes it away.';
const PURPOSE = '# care-provision-converge: ';

/** A word of a command line of a unit: quoted, and free of what systemd would put something in the place of. */
export function unitWord(word: string): string {
  const plain = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A value outside of command lines, where only specifiers mean something. */
const value = (text: string): string => text.replaceAll('%', '%%');
/** A path in a list of paths. */
const listed = (path: string): string => (/\s/.test(path) ? `"${value(path)}"` : value(path));

/** `Mon,Tue *-*-* 02:00:00 Asia/Kolkata` (systemd.time(7)). */
export function calendarOf({ at, days }: Policy['schedule'], zone: string): string {
  const list = days.length === 7 ? '' : `${days.map((day) => `${day.charAt(0).toUpperCase()}${day.slice(1)}`).join(',')} `;
  return `${list}*-*-* ${at}:00 ${zone}`;
}

/** Purpose of a service that `install` has written; undefined for any other. */
export function purposeOf(service: string): Purpose | undefined {
  const line = service.split('\n').find((one) => one.startsWith(PURPOSE));
  if (!service.startsWith(WRITTEN) || line === undefined) return undefined;
  try {
    return PurposeSchema.parse(JSON.parse(line.slice(PURPOSE.length)));
  } catch {
    // Of another version, or edited: not ours to read any more.
    return undefined;
  }
}

export function isOurs(unit: string): boolean {
  return unit.startsWith(WRITTEN);
}

/**
 * What the run may not do on this machine: it changes others. It reads what there is, writes to its state, and talks to the network.
 * No MemoryDenyWriteExecute, since V8 compiles.
 */
function sandbox({ user, state, writable, home }: UnitsInit): string {
  return `NoNewPrivileges=yes
# Root reads and writes files of others (the inventory, node_exporter's directory), and can do nothing else that only root can.
CapabilityBoundingSet=${user === 'root' ? 'CAP_DAC_OVERRIDE' : ''}
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths=${[state, ...writable].map(listed).join(' ')} -${listed(`${home}/.cache/care-provision`)}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
`;
}

function service(init: UnitsInit, of: { readonly description: string; readonly words: readonly string[]; readonly more: string; readonly unit: string; readonly comments: readonly string[] }): string {
  return `${[WRITTEN, ...of.comments].join('\n')}
[Unit]
Description=${value(of.description)}
Wants=network-online.target
After=network-online.target
${of.unit}
[Service]
Type=oneshot
User=${init.user}
WorkingDirectory=${value(init.directory)}
Environment=${unitWord(`CARE_STATE=${init.state}`)}
${init.environmentFile === undefined ? '' : `EnvironmentFile=${value(init.environmentFile)}\n`}ExecStart=${[...init.program, ...of.words].map(unitWord).join(' ')}
UMask=0077
Nice=5
IOSchedulingClass=best-effort
IOSchedulingPriority=6
MemoryMax=${init.memoryMax}
TasksMax=512
${of.more}${init.sandbox ? sandbox(init) : ''}`;
}

/** File names and texts of a set. */
export function unitFiles(init: UnitsInit): Readonly<Record<string, string>> {
  const names = unitsOf(init.name);
  const { schedule } = init;
  const calendar = calendarOf(schedule, init.timeZone);
  const common = ['--name', init.name, ...(init.metrics === null ? [] : ['--metrics', init.metrics])];
  const purpose: Purpose = { name: init.name, inventory: init.inventory, arguments: [...init.arguments], metrics: init.metrics, state: init.state, user: init.user, calendar, jitter: schedule.jitter, timeout: schedule.timeout };
  return {
    [names.service]: service(init, {
      comments: [`${PURPOSE}${JSON.stringify(purpose)}`],
      description: `care-provision: the nightly run of ${init.name}`,
      // Called when the run is killed, does not come to its end, or cannot even begin: tells what the run could not.
      unit: `OnFailure=${names.watch}\n`,
      words: ['converge', 'run', init.inventory, ...init.arguments, ...common, '--timeout', String(schedule.timeout)],
      more: `# Drift is a finding, no failure of the unit.
SuccessExitStatus=2
TimeoutStartSec=${String(schedule.timeout)}
# After SIGTERM the run finishes the tasks in hand and reports.
KillMode=mixed
TimeoutStopSec=300
`,
    }),
    [names.timer]: `${WRITTEN}
[Unit]
Description=care-provision: when the nightly run of ${value(init.name)} begins

[Timer]
OnCalendar=${calendar}
# Spread over sites, for each always by the same part.
RandomizedDelaySec=${String(schedule.jitter)}
FixedRandomDelay=yes
AccuracySec=30s
# A run that was due while the machine was down is made when it is up again.
Persistent=yes

[Install]
WantedBy=timers.target
`,
    [names.watch]: service(init, {
      comments: [],
      description: `care-provision: whether the nightly run of ${init.name} came, hangs or died`,
      unit: '',
      words: ['converge', 'watch', init.inventory, ...watchArguments(init.arguments), ...common],
      more: `# Something was wrong, and whom the inventory names has been told.
SuccessExitStatus=3
TimeoutStartSec=600
`,
    }),
    [names.watchTimer]: `${WRITTEN}
[Unit]
Description=care-provision: looks every hour for the nightly run of ${value(init.name)}

[Timer]
OnCalendar=hourly
RandomizedDelaySec=600
FixedRandomDelay=yes

[Install]
WantedBy=timers.target
`,
  };
}

/**
 * What starts the timers of units that were just written.
 *
 * @param anew whether the timer's times are others than those of the units that were there
 */
export function startSteps({ timer, watchTimer }: Pick<ReturnType<typeof unitsOf>, 'timer' | 'watchTimer'>, anew: boolean): readonly (readonly [string, ...string[]])[] {
  return [
    ['systemctl', 'daemon-reload'],
    // By Persistent= a timer begins at once when its times have one between the last run and now. Of new times that is none that was
    // missed: a night would begin in the middle of the day on which somebody has installed it.
    ...(anew ? [['systemctl', 'stop', timer] as const, ['systemctl', 'clean', '--what=state', timer] as const] : []),
    ['systemctl', 'enable', '--now', timer, watchTimer],
    // A timer that was there before keeps its old times until it is started anew.
    ['systemctl', 'restart', timer, watchTimer],
  ];
}

/** Of the run's arguments those that `watch` takes, too: further inventories and variables. */
function watchArguments(words: readonly string[]): readonly string[] {
  return words.flatMap((word, i) => (['--inventory', '--extra-vars'].includes(word) ? [word, words[i + 1] ?? ''] : []));
}
