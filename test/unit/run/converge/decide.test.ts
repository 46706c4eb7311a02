/** What the policy lets a run do: by the time, by what was found, by what is lost on the way; and of what it lets mend. */
import { describe, expect, test } from 'vitest';
import { decideByFindings, decideByTime, saidLately, verdictOn, type Subject } from '../../../../src/run/converge/decide.ts';
import { ConvergeGate } from '../../../../src/run/converge/gate.ts';
import { health } from '../../../../src/run/converge/health.ts';
import { PolicySchema, type Policy } from '../../../../src/run/converge/policy.ts';
import type { TaskMutation } from '../../../../src/run/gate.ts';
import type { ConvergeRecord } from '../../../../src/state/converge-record.ts';

const policy = (text: object): Policy => PolicySchema.parse({ mode: 'mend', ...text });
const at = (text: string): number => Date.parse(text);
const NIGHT = at('2026-11-26T02:00:00Z');

describe('by the time', () => {
  test('report is report, whatever else there is', () => {
    expect(decideByTime(policy({ mode: 'report' }), NIGHT)).toEqual({ mend: false, why: 'mode', because: 'the policy only reports (mode: report)' });
    expect(PolicySchema.parse({}).mode).toBe('report');
  });

  test('mends inside a window, and outside a freeze', () => {
    const of = policy({ windows: [{ from: '01:00', to: '03:00' }], freeze: [{ from: '2026-11-27', to: '2026-11-28', reason: 'audit' }] });
    expect(decideByTime(of, NIGHT)).toEqual({ mend: true });
    expect(decideByTime(of, at('2026-11-26T03:00:00Z'))).toEqual({ mend: false, why: 'window', because: 'it is outside the maintenance windows, the next of which opens 2026-11-27 01:00 UTC' });
    // The freeze is what people have to know of, inside a window or not.
    expect(decideByTime(of, at('2026-11-27T02:00:00Z'))).toEqual({ mend: false, why: 'freeze', because: 'there is a freeze until 2026-11-28: audit' });
    expect(decideByTime(of, at('2026-11-27T12:00:00Z'))).toMatchObject({ why: 'freeze' });
  });
});

describe('by what was found', () => {
  test('too many changes are no drift', () => {
    const of = policy({ max_changes: 10 });
    expect(decideByFindings(of, { hosts: 5, lost: 0, changes: 10 })).toEqual({ mend: true });
    expect(decideByFindings(of, { hosts: 5, lost: 0, changes: 11 })).toMatchObject({ mend: false, why: 'changes' });
  });

  test('too many lost hosts stop it, the share itself does not', () => {
    const of = policy({ max_fail_percentage: 20 });
    expect(decideByFindings(of, { hosts: 10, lost: 2, changes: 1 })).toEqual({ mend: true });
    expect(decideByFindings(of, { hosts: 10, lost: 3, changes: 1 })).toMatchObject({ mend: false, why: 'failures', because: '3 of 10 hosts failed or were not reached, more than 20 % (max_fail_percentage)' });
    expect(decideByFindings(policy({ max_fail_percentage: 0 }), { hosts: 10, lost: 0, changes: 1 })).toEqual({ mend: true });
    expect(decideByFindings(policy({ max_fail_percentage: 0 }), { hosts: 10, lost: 1, changes: 1 })).toMatchObject({ why: 'failures' });
    expect(decideByFindings(policy({ max_fail_percentage: 100 }), { hosts: 10, lost: 10, changes: 1 })).toEqual({ mend: true });
  });
});

describe('of what is mended', () => {
  const of = policy({ unattended: { roles: { postgres: 'report', base: 'mend', pki: 'mend' }, tags: { restart: 'report', harmless: 'mend' } } });
  const subject = (roles: readonly string[], tags: readonly string[] = []): Subject => ({ roles, tags });

  test('the role counts, of one within another the inner one; what is not named is as the default says', () => {
    expect(verdictOn(of, subject(['base']))).toBe('mend');
    expect(verdictOn(of, subject(['postgres']))).toBe('report');
    expect(verdictOn(of, subject(['postgres', 'pki']))).toBe('mend');
    expect(verdictOn(of, subject(['postgres', 'unnamed']))).toBe('report');
    expect(verdictOn(of, subject([]))).toBe('mend');
    expect(verdictOn(policy({ unattended: { default: 'report', roles: { base: 'mend' } } }), subject(['other']))).toBe('report');
    expect(verdictOn(policy({ unattended: { default: 'report', roles: { base: 'mend' } } }), subject(['base']))).toBe('mend');
    // Names that every object has are no names of roles.
    expect(verdictOn(of, subject(['constructor'], ['toString']))).toBe('mend');
  });

  test('of role and tags the more careful word wins', () => {
    expect(verdictOn(of, subject(['base'], ['restart']))).toBe('report');
    expect(verdictOn(of, subject(['postgres'], ['harmless']))).toBe('report');
    expect(verdictOn(policy({ unattended: { default: 'report', tags: { harmless: 'mend' } } }), subject(['x'], ['harmless']))).toBe('mend');
  });
});

describe('the gate', () => {
  const mutation = (more: Partial<TaskMutation> = {}): TaskMutation => ({ host: 'a', role: 'r', task: 't', place: 'p', handler: false, resource: 'file /x', what: 'content', diff: undefined, unknown: false, result: null, state: [], doubt: null, ...more });
  const gateOf = (of: Policy, now: () => number = () => NIGHT): ConvergeGate => new ConvergeGate({ policy: of, hosts: 4, lost: [], now });

  test('shuts when the window does, for all but what changes have asked for', () => {
    let now = NIGHT;
    const gate = gateOf(policy({ windows: [{ from: '01:00', to: '03:00' }] }), () => now);
    gate.pass([mutation(), mutation()]);
    now = at('2026-11-26T03:00:00Z');
    expect(() => { gate.pass([mutation()]); }).toThrow(/file \/x: left as it is, since it is outside the maintenance windows/);
    gate.pass([mutation({ handler: true })]);
    expect([gate.made, gate.stopped?.why]).toEqual([2, 'window']);
    // Once shut it stays so: a run must not go on in the next night's window.
    now = at('2026-11-27T01:30:00Z');
    expect(() => { gate.pass([mutation()]); }).toThrow(/left as it is/);
  });

  test('shuts when too many hosts are lost, each counted once, and when more would change than check mode could tell', () => {
    const gate = gateOf(policy({ max_fail_percentage: 25 }));
    gate.hostLost('b');
    gate.hostLost('b');
    gate.pass([mutation()]);
    gate.hostLost('c');
    expect(() => { gate.pass([mutation()]); }).toThrow(/2 of 4 hosts failed/);
    const few = gateOf(policy({ max_changes: 2 }));
    few.pass([mutation()]);
    expect(() => { few.pass([mutation(), mutation()]); }).toThrow(/more than 2 changes/);
    expect(few.made).toBe(1);
  });
});

describe('whether the run is as it should be', () => {
  const of = policy({ schedule: { at: '02:00', jitter: 900, timeout: 3600 } });
  const begun = (time: string): ConvergeRecord['begun'] => ({ at: time, pid: 7, started: '', bootId: '', host: 'h', invocation: null, timeout: 3600 });
  const ended = (time: string): ConvergeRecord['ended'] => ({ at: time, status: 0, outcome: 'converged', restraint: '', runs: [], hosts: {}, mended: 0, left: [], leftCount: 0, told: null });
  const record = (more: Partial<ConvergeRecord>): ConvergeRecord => ({ format: 1, name: 'n', begun: null, ended: null, lastSuccess: null, said: null, ...more });
  const look = (now: string, known: ConvergeRecord | undefined, alive = false, since = '2026-11-20T12:00:00.000Z'): string[] => health({ policy: of, record: known, watch: { since }, alive, now: at(now) }).ailments.map((one) => `${one.what} ${new Date(one.at).toISOString()}`);
  const good = record({ begun: begun('2026-11-26T02:05:00.000Z'), ended: ended('2026-11-26T02:06:00.000Z') });

  test('after a good night it is, until the next is late', () => {
    expect(look('2026-11-26T12:00:00Z', good)).toEqual([]);
    // 900 s of jitter and 1800 s of grace.
    expect(look('2026-11-27T02:44:59Z', good)).toEqual([]);
    expect(look('2026-11-27T02:45:00Z', good)).toEqual(['missed 2026-11-27T02:00:00.000Z']);
  });

  test('what was due before anybody watched is not missed', () => {
    expect(look('2026-11-26T12:00:00Z', undefined, false, '2026-11-26T02:00:01.000Z')).toEqual([]);
    expect(look('2026-11-26T12:00:00Z', undefined, false, '2026-11-26T01:00:00.000Z')).toEqual(['missed 2026-11-26T02:00:00.000Z']);
  });

  test('one whose process is gone has died; one that is there too long hangs', () => {
    const under = record({ begun: begun('2026-11-26T02:05:00.000Z'), ended: ended('2026-11-25T02:06:00.000Z') });
    expect(look('2026-11-26T02:10:00Z', under, false)).toEqual(['died 2026-11-26T02:05:00.000Z']);
    expect(look('2026-11-26T02:10:00Z', under, true)).toEqual([]);
    expect(look('2026-11-26T03:36:00Z', under, true)).toEqual(['hung 2026-11-26T02:05:00.000Z']);
    expect(health({ policy: of, record: under, watch: undefined, alive: true, now: at('2026-11-26T02:10:00Z') }).running).toBe(at('2026-11-26T02:05:00Z'));
  });
});

describe('what was told of lately', () => {
  const now = at('2026-11-26T02:00:00Z');
  const days = (n: number): string => new Date(now - n * 86_400_000).toISOString();

  test('is the same drift, within remind_days, with half a day for the jitter', () => {
    const of = policy({ remind_days: 7 });
    expect(saidLately(of, 'a', null, now)).toBe(false);
    expect(saidLately(of, 'a', { key: 'b', at: days(1) }, now)).toBe(false);
    expect([1, 6.4, 6.6, 7, 30].map((n) => saidLately(of, 'a', { key: 'a', at: days(n) }, now))).toEqual([true, true, false, false, false]);
    expect(saidLately(policy({ remind_days: 0 }), 'a', { key: 'a', at: days(0) }, now)).toBe(false);
  });
});
