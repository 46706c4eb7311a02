/** The lines of `converge status`. Pure. */
import type { Decision } from '../../run/converge/decide.ts';
import type { Health } from '../../run/converge/health.ts';
import type { Freeze, Policy } from '../../run/converge/policy.ts';
import type { ConvergeRecord, ConvergeWatch } from '../../state/converge-record.ts';
import { safeLine } from '../../support/terminal-text.ts';
import { duration, plural } from '../reporters/counts.ts';
import { columns } from '../terminal/columns.ts';
import type { Paint } from '../terminal/colour.ts';
import type { Purpose } from './units.ts';

export interface TimerLook {
  readonly active: boolean;
  readonly enabled: boolean;
  /** Whether the timer that looks for missed runs is active. */
  readonly watched: boolean;
  /** Milliseconds since 1970, as all times here. */
  readonly next: number | undefined;
  /** As systemd has it: `inactive, signal 9`. */
  readonly service: string;
}

export interface Look {
  readonly name: string;
  readonly inventory: string;
  readonly now: number;
  readonly record: ConvergeRecord | undefined;
  readonly watch: ConvergeWatch | undefined;
  readonly health: Health;
  readonly timer: TimerLook | undefined;
  readonly purpose: Purpose | undefined;
  /** Whether the units were written for another schedule than the policy has now. */
  readonly stale: boolean;
  readonly due: number | undefined;
  readonly policy: Policy;
  readonly decision: Decision;
  readonly freeze: Freeze | undefined;
  readonly window: string;
  readonly local: (time: number) => string;
}

const ago = (look: Look, time: number): string => `${look.local(time)}, ${duration(Math.max(0, look.now - time) / 1000)} ago`;

function timerWords({ timer, stale }: Look): string {
  if (timer === undefined) return 'not installed on this machine: care-provision converge install';
  const wrong = [...(timer.active ? [] : ['NOT active']), ...(timer.enabled ? [] : ['NOT enabled']), ...(timer.watched ? [] : ['nobody watches it']), ...(stale ? ['written for another schedule than the policy has: install it again'] : [])];
  return wrong.length === 0 ? `active, watched; service ${timer.service}` : wrong.join('; ');
}

function lastWords(look: Look): readonly (readonly [string, string])[] {
  const { record } = look;
  const ended = record?.ended ?? undefined;
  if (ended === undefined) return [['last run', 'none has come to an end']];
  const hosts = Object.entries(ended.hosts).filter(([, count]) => count > 0).map(([state, count]) => `${String(count)} ${state}`).join(', ');
  return [
    ['last run', `${ago(look, Date.parse(ended.at))}: ${safeLine(ended.outcome)} (status ${String(ended.status)})`],
    ...(hosts === '' ? [] : [['hosts', hosts] as const]),
    ...(ended.restraint === '' ? [] : [['restrained', safeLine(ended.restraint)] as const]),
    ...(ended.mended === 0 ? [] : [['mended', plural(ended.mended, 'change')] as const]),
    ...ended.left.slice(0, 5).map((text, i) => [i === 0 ? 'left as it is' : '', safeLine(text)] as const),
    ...(ended.leftCount > 5 ? [['', `and ${plural(ended.leftCount - 5, 'more change')}`] as const] : []),
    ...(ended.told === false ? [['told', 'NOT everybody who was to be'] as const] : []),
    ...(ended.runs.length === 0 ? [] : [['more', ended.runs.map((run) => `care-provision history show ${run}`).join('; ')] as const]),
    ['last success', record?.lastSuccess === null || record?.lastSuccess === undefined ? 'none' : ago(look, Date.parse(record.lastSuccess))],
  ];
}

function policyWords({ policy, decision, window, freeze }: Look): readonly (readonly [string, string])[] {
  const verdicts = (of: Readonly<Record<string, string>>, verdict: string): string => Object.entries(of).filter(([, one]) => one === verdict).map(([name]) => name).join(', ');
  const reported = [verdicts(policy.unattended.roles, 'report'), verdicts(policy.unattended.tags, 'report')].filter((text) => text !== '').join('; tags ');
  return [
    ['policy', `${policy.mode}${policy.mode === 'mend' ? `, by default ${policy.unattended.default}${reported === '' ? '' : `, only reported: ${reported}`}; at most ${plural(policy.max_changes, 'change')}, ${String(policy.max_fail_percentage)} % of hosts lost` : ''}`],
    ['window', window],
    ['freeze', freeze === undefined ? nextFreeze(policy) : `until ${freeze.to}: ${safeLine(freeze.reason)}`],
    ['now', decision.mend ? 'a run would mend' : `a run would only report, since ${decision.because}`],
  ];
}

function nextFreeze({ freeze }: Policy): string {
  return freeze.length === 0 ? 'none' : `${plural(freeze.length, 'period')} in the policy, none now`;
}

/** @returns lines without newlines */
export function statusLines(look: Look, paint: Paint): readonly string[] {
  const { health, watch, due } = look;
  const alarms = health.ailments.map((one) => [one.what.toUpperCase(), one.text] as const);
  const rows: readonly (readonly [string, string])[] = [
    ...alarms,
    ...(health.running === undefined ? [] : [['running', `since ${ago(look, health.running)}`] as const]),
    ...lastWords(look),
    ['next run', due === undefined ? 'not known' : `${look.local(due)}, in ${duration(Math.max(0, due - look.now) / 1000)}`],
    ['timer', timerWords(look)],
    ['watched', watch?.looked === null || watch?.looked === undefined ? 'nobody has looked yet' : `last looked ${ago(look, Date.parse(watch.looked))}`],
    ...policyWords(look),
  ];
  const lines = columns(rows.map((row) => [...row]));
  return [paint('bold', `${safeLine(look.name)}: ${safeLine(look.inventory)}`), ...lines.map((line, i) => (i < alarms.length ? paint('red', line) : line))];
}
