/** What a rollback decides, without a host: what a journal adds up to, what has moved, what becomes of units and handlers. */
import { describe, expect, test } from 'vitest';
import type { JournalEntry, KeptPath, KeptUnit } from '../../../../src/host/keep/journal.ts';
import type { PresentPath } from '../../../../src/host/kinds/path.ts';
import type { UnitFact } from '../../../../src/host/kinds/unit.ts';
import { standing, type Kept, type Now } from '../../../../src/modules/rollback/compare.ts';
import { foldJournal, isIdle, type KeptUnits } from '../../../../src/modules/rollback/things.ts';
import { restoreUnit } from '../../../../src/modules/rollback/units.ts';

const FILE: PresentPath = { exists: true, type: 'file', mode: '0644', owner: 'root', group: 'root', size: 3 };
const ABSENT = { exists: false } as const;
const path = (more: Partial<KeptPath>): KeptPath => ({ of: 'path', path: '/etc/x', before: FILE, after: FILE, digest: undefined, wrote: undefined, copy: undefined, lost: undefined, secret: false, validate: undefined, owes: [], ...more });
const fold = (...entries: readonly JournalEntry[]): ReturnType<typeof foldJournal> => foldJournal(entries);

describe('a journal adds up', () => {
  test('what it was first, and what it was left as last', () => {
    const { files } = fold(path({ before: ABSENT, wrote: 'a', validate: 'v' }), path({ after: { ...FILE, mode: '0600' }, secret: true, owes: [{ role: '', handler: 'h' }] }), path({ wrote: 'b' }));
    expect(files).toMatchObject([{ before: ABSENT, after: { ...FILE, mode: '0644' }, wrote: 'b', secret: true, validate: 'v', owes: [{ role: '', handler: 'h' }] }]);
  });
  test('the copy of the first change that replaced content, after others that changed attributes', () => {
    const { files } = fold(path({ after: { ...FILE, mode: '0600' } }), path({ before: { ...FILE, mode: '0600' }, after: { ...FILE, mode: '0600' }, wrote: 'a', copy: 'c', digest: 'old' }), path({ wrote: 'b', copy: 'd', digest: 'a' }));
    expect(files).toMatchObject([{ before: FILE, wrote: 'b', copy: 'c', digest: 'old', lost: undefined }]);
    expect(fold(path({}), path({ after: ABSENT, lost: 'large' })).files).toMatchObject([{ lost: 'large', copy: undefined }]);
    // A file that the run made: a copy of what the run itself wrote is none of what was before.
    expect(fold(path({ before: ABSENT, wrote: 'a' }), path({ wrote: 'b', copy: 'c' })).files).toMatchObject([{ before: ABSENT, copy: undefined }]);
  });
  test('what was below a directory went with it', () => {
    const { files } = fold(path({ path: '/etc/d/x', wrote: 'a' }), path({ path: '/etc/d', before: { exists: true, type: 'directory' }, after: ABSENT, copy: 'c' }));
    expect(files.map((each) => [each.path, each.after, each.wrote])).toEqual([['/etc/d/x', ABSENT, undefined], ['/etc/d', ABSENT, undefined]]);
  });
  test('each change out of reach once', () => {
    expect(fold({ of: 'other', resource: 'command a', did: 'run' }, { of: 'other', resource: 'command a', did: 'run' }).outOfReach).toEqual(['command a: run']);
  });
});

describe('where a file stands', () => {
  const kept: Kept = { fact: FILE, digest: 'old' };
  const written = { ...path({ wrote: 'new', copy: 'c', digest: 'old', after: { ...FILE, mode: '0600' } }) };
  const now = (digest: string, more: Partial<PresentPath> = {}): Now => ({ fact: { ...FILE, mode: '0600', ...more }, digest });
  test.each([
    ['as the run left it', standing(written, kept, now('new')), 'as-left'],
    ['as it was before', standing(written, kept, { fact: FILE, digest: 'old' }), 'as-before'],
    ['changed since', standing(written, kept, now('by hand')), 'moved'],
    ['its mode changed since', standing(written, kept, now('new', { mode: '0666' })), 'moved'],
    ['gone since', standing(written, kept, { fact: ABSENT, digest: null }), 'moved'],
    ['not known what was written', standing({ ...written, wrote: null }, kept, now('new')), 'moved'],
    ['its copy missing', standing(written, undefined, now('new')), 'lost'],
    ['its copy damaged', standing(written, { ...kept, digest: 'other' }, now('new')), 'lost'],
    ['its copy damaged, but it is as before', standing(written, { ...kept, digest: 'other' }, { fact: FILE, digest: 'old' }), 'as-before'],
    ['not kept', standing(path({ wrote: 'new', lost: 'large', after: FILE }), undefined, now('new', { mode: '0644' })), 'lost'],
    ['made by the run', standing(path({ before: ABSENT, wrote: 'new' }), undefined, { fact: FILE, digest: 'new' }), 'as-left'],
    ['only its mode changed, and somebody else its content', standing(path({ before: FILE, after: { ...FILE, mode: '0600', size: 3 } }), undefined, { fact: { ...FILE, mode: '0600', size: 99 }, digest: undefined }), 'as-left'],
    ['a directory with all in it removed', standing(path({ before: { exists: true, type: 'directory' }, after: ABSENT, copy: 'c' }), { fact: { exists: true, type: 'directory' }, digest: null }, { fact: ABSENT, digest: null }), 'as-left'],
  ])('%s', (_name, stands, type) => {
    expect(stands.type).toBe(type);
  });
});

describe('units', () => {
  const LOADED: UnitFact = { id: 'a.service', load: 'loaded', active: 'active', sub: 'running', unitFile: 'enabled', needReload: false, conditionMet: true, fleeting: false };
  const unit = (before: Partial<KeptUnits['before']>, after: KeptUnits['after']): KeptUnits => ({ name: 'a.service', before: { load: 'loaded', active: 'inactive', unitFile: 'disabled', ...before }, after });
  const whats = (kept: KeptUnits, now: Partial<UnitFact> = {}): readonly (string | undefined)[] => {
    const { first, last } = restoreUnit(kept, { ...LOADED, ...now });
    return [first?.what, last?.what];
  };
  test.each<[string, KeptUnits, Partial<UnitFact>, readonly (string | undefined)[]]>([
    ['one that the run enabled and started is stopped and disabled first', unit({}, { active: 'active', unitFile: 'enabled' }), {}, ['put back: stop, disable', undefined]],
    ['one that it stopped and disabled is enabled and started last', unit({ active: 'active', unitFile: 'enabled' }, { active: 'inactive', unitFile: 'disabled' }), { active: 'inactive', unitFile: 'disabled' }, [undefined, 'put back: enable, start']],
    ['one that it only restarted is left', unit({ active: 'active', unitFile: 'enabled' }, { active: 'active' }), {}, [undefined, undefined]],
    ['one that it masked is unmasked', unit({}, { unitFile: 'masked' }), { active: 'inactive', unitFile: 'masked' }, [undefined, 'put back: unmask']],
    ['one that it unmasked is masked', unit({ unitFile: 'masked' }, { unitFile: 'disabled' }), { active: 'inactive', unitFile: 'disabled' }, [undefined, 'put back: mask']],
    ['one that came with the run', unit({ load: 'not-found', unitFile: '' }, { active: 'active' }), {}, ['put back: stop, disable: it was not there before', undefined]],
    ['one that is gone', unit({ load: 'not-found', unitFile: '' }, { active: 'active' }), { load: 'not-found', active: 'inactive', unitFile: '' }, [undefined, undefined]],
    ['one that somebody has put back', unit({}, { active: 'active', unitFile: 'enabled' }), { active: 'inactive', unitFile: 'disabled' }, [undefined, undefined]],
  ])('%s', (_name, kept, now, expected) => {
    expect(whats(kept, now)).toEqual(expected);
  });

  test('a handler of a unit that did not run before has nothing to do', () => {
    const by = { role: 'web', handler: 'restart' };
    const entry = (active: string): KeptUnit => ({ of: 'unit', name: 'a.service', before: { load: 'loaded', active, unitFile: 'enabled' }, after: { active: 'active' }, did: 'restart', by, owes: [] });
    expect([isIdle(by, fold(entry('active'))), isIdle(by, fold(entry('inactive'))), isIdle({ role: '', handler: 'other' }, fold(entry('inactive')))]).toEqual([false, true, false]);
    // Started by a task, then restarted by its handler: what counts is what was before the run.
    expect(isIdle(by, fold({ ...entry('inactive'), by: undefined }, entry('active')))).toBe(true);
  });
});
