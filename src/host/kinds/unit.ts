/** Facts about systemd units: one `systemctl show` for all of them. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { forgetKinds, type Effect, type ProbeOutput } from '../query.ts';
import { claimHolds } from './claims.ts';

export type UnitScope = 'system' | 'user';
export interface UnitKey {
  /** Full unit name: `chrony.service`. */
  readonly name: string;
  readonly scope: UnitScope;
}

/** systemd's own words (systemctl(1), org.freedesktop.systemd1(5)). An undefined field was not claimed. */
export interface UnitFact {
  /** The main name; differs from the name asked when that is an alias. */
  readonly id: string | undefined;
  /** `loaded`, `not-found`, `masked`, `bad-setting`, `error` … */
  readonly load: string | undefined;
  /** `active`, `inactive`, `failed`, `activating`, `deactivating`, `reloading`. */
  readonly active: string | undefined;
  readonly sub: string | undefined;
  /** `enabled`, `disabled`, `static`, `masked` …; empty when there is no unit file. */
  readonly unitFile: string | undefined;
  readonly needReload: boolean | undefined;
  /** False when the last start was skipped because a Condition…= was not met. */
  readonly conditionMet: boolean | undefined;
  /** A oneshot that does not remain after it has exited: it is never seen active. */
  readonly fleeting: boolean | undefined;
}

const SUFFIX = /\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/;

/** A unit's full name: `chrony` is `chrony.service`, as systemctl itself takes it. */
export function unitName(name: string): string {
  return SUFFIX.test(name) ? name : `${name}.service`;
}

/** Where system unit files are (systemd.unit(5)), strongest first. */
export const UNIT_FOLDERS = ['/etc/systemd/system', '/run/systemd/system', '/usr/local/lib/systemd/system', '/usr/lib/systemd/system'];

/** A unit that was stopped may end as failed (a service that exits badly on SIGTERM): it does not run either way. */
function activeHolds(claimed: string | undefined, seen: string | undefined): boolean {
  if (claimed === 'inactive') return seen === 'inactive' || seen === 'failed';
  if (claimed === 'active') return seen === 'active' || seen === 'reloading';
  return claimed === undefined || claimed === seen;
}

const PROPERTIES = ['Id', 'LoadState', 'ActiveState', 'SubState', 'UnitFileState', 'NeedDaemonReload', 'ConditionResult', 'ConditionTimestampMonotonic', 'Type', 'RemainAfterExit'];

/** `systemctl` for a scope, with what the user's manager needs to be found from a plain login. */
export function systemctl(scope: UnitScope): string {
  return scope === 'system' ? 'systemctl' : 'XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-/run/user/$(id -u)}" systemctl --user';
}

const SCOPES: readonly UnitScope[] = ['system', 'user'];

function scopesOf(keys: readonly UnitKey[]): readonly UnitScope[] {
  return SCOPES.filter((scope) => keys.some((key) => key.scope === scope));
}

function parseBlocks(text: string): readonly ReadonlyMap<string, string>[] {
  return text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map((block) => new Map(block.split('\n').filter((line) => line.includes('=')).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])));
}

function readUnit(name: string, block: ReadonlyMap<string, string>): UnitFact {
  const field = (property: string): string => block.get(property) ?? '';
  if (field('LoadState') === '') throw new Error(`systemctl show gave no LoadState for ${name}`);
  const tried = !['', '0'].includes(field('ConditionTimestampMonotonic'));
  return {
    id: field('Id'),
    load: field('LoadState'),
    active: field('ActiveState'),
    sub: field('SubState'),
    unitFile: field('UnitFileState'),
    needReload: field('NeedDaemonReload') === 'yes',
    conditionMet: !tried || field('ConditionResult') !== 'no',
    fleeting: field('Type') === 'oneshot' && field('RemainAfterExit') === 'no',
  };
}

/**
 * systemd keeps what it thought of a unit's file until it reads its files again: of units whose files have changed since,
 * is-enabled tells, which looks at the files (org.freedesktop.systemd1(5), GetUnitFileState).
 */
function fileStates(blocks: readonly ReadonlyMap<string, string>[]): ReadonlyMap<string, string> {
  return new Map(blocks.flatMap((block) => { const name = block.get('Asked'); return name === undefined ? [] : [[name, block.get('IsEnabled') ?? ''] as const]; }));
}

function parseScope(keys: readonly UnitKey[], output: Buffer): readonly UnitFact[] {
  const all = parseBlocks(output.toString('utf8'));
  const onDisk = fileStates(all);
  const blocks = all.filter((block) => !block.has('Asked'));
  // systemctl answers in the order asked, one block a name, whether the unit exists or not.
  if (blocks.length === 0) return keys.map(({ name }) => noSystemd(name));
  if (blocks.length !== keys.length) throw new Error(`systemctl show answered for ${String(blocks.length)} of ${String(keys.length)} units`);
  return keys.map((key, i) => {
    const seen = readUnit(key.name, blocks[i] ?? new Map<string, string>());
    return seen.needReload === true ? { ...seen, unitFile: onDisk.get(key.name) ?? seen.unitFile } : seen;
  });
}

/** What is known where no systemd answers: `load` tells. */
function noSystemd(name: string): UnitFact {
  return { id: name, load: 'no-systemd', active: 'inactive', sub: 'dead', unitFile: '', needReload: false, conditionMet: true, fleeting: false };
}

function parse(keys: readonly UnitKey[], output: ProbeOutput): readonly UnitFact[] {
  const answers = [output.head, ...output.sections];
  const facts = new Map<UnitKey, UnitFact>();
  scopesOf(keys).forEach((scope, i) => {
    const own = keys.filter((key) => key.scope === scope);
    parseScope(own, answers[i] ?? Buffer.alloc(0)).forEach((fact, n) => {
      const key = own[n];
      if (key !== undefined) facts.set(key, fact);
    });
  });
  return keys.map((key) => facts.get(key) ?? noSystemd(key.name));
}

export const unit = defineQuery<UnitKey, UnitFact>({
  name: 'unit',
  id: ({ name, scope }) => `${scope}/${name}`,
  describe: ({ name, scope }) => (scope === 'system' ? `unit ${name}` : `user unit ${name}`),
  probe: (keys) =>
    scopesOf(keys)
      .map((scope) => {
        const names = keys.filter((key) => key.scope === scope).map((key) => quote(key.name)).join(' ');
        const asked = `for u in ${names}; do printf '\\nAsked=%s\\nIsEnabled=%s\\n' "$u" "$(${systemctl(scope)} is-enabled -- "$u" 2>/dev/null)"; done`;
        return `o=$(LC_ALL=C ${systemctl(scope)} show --no-pager -p ${PROPERTIES.join(',')} -- ${names} 2>/dev/null)\nprintf '%s\\n' "$o"\ncase $o in *NeedDaemonReload=yes*) ${asked} ;; esac`;
      })
      .join('\ncare_mark\n'),
  parse,
  same: (claim, seen) => activeHolds(claim.active, seen.active) && claimHolds({ ...claim, active: undefined }, seen),
  show: (fact) => [fact.load ?? '?', `${fact.active ?? '?'} (${fact.sub ?? '?'})`, fact.unitFile === '' ? 'no unit file' : (fact.unitFile ?? '?')].join(', '),
  paths: ({ name, scope }) => (scope === 'system' ? UNIT_FOLDERS.map((folder) => `${folder}/${name}`) : []),
});

/**
 * What a file that was written, linked or removed means to units: those that it is a file, a drop-in or a wish of
 * (`X.service`, `X.service.d/…`, `Y.target.wants/X.service`) are to be asked for again. Of a template, all are.
 */
export function unitFileEffects(path: string): readonly Effect[] {
  const folder = UNIT_FOLDERS.find((each) => path.startsWith(`${each}/`));
  if (folder === undefined) return [];
  const names = path.slice(folder.length + 1).split('/').map((part) => part.replace(/\.(d|wants|requires|upholds)$/, '')).filter((part) => SUFFIX.test(part));
  return names.some((name) => name.includes('@.')) ? [forgetKinds('unit')] : names.map((name) => unit({ name, scope: 'system' }).forget());
}

/** A unit of the system's own manager. */
export function systemUnit(name: string): ReturnType<typeof unit> {
  return unit({ name: unitName(name), scope: 'system' });
}

/**
 * Whether the Condition…= of a system unit that is there are met now (systemd-analyze(1), `condition --unit`,
 * systemd 250). systemd itself forgets the result of a skipped start with the unit. True where it cannot be told.
 */
export const unitConditions = defineQuery<string, boolean>({
  name: 'unit-conditions',
  id: (name) => name,
  describe: (name) => `conditions of unit ${name}`,
  probe: (names) =>
    `systemd-analyze condition --unit=-.mount >/dev/null 2>&1 || exit 0\nfor u in ${names.map(quote).join(' ')}; do systemd-analyze condition --unit="$u" >/dev/null 2>&1 || printf '%s\\n' "$u"; done`,
  parse: (names, output) => {
    const unmet = new Set(output.head.toString('utf8').split('\n'));
    return names.map((name) => !unmet.has(name));
  },
  // Conditions look at files, the kernel, the hardware: any change may meet them.
  volatile: true,
});
