/** What is kept of what a run replaces: the shell under every shell of hosts, the journal, and what a change tells of itself. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FactStore } from '../../../src/host/fact-store.ts';
import { batchScripts } from '../../../src/host/join.ts';
import { toKeep } from '../../../src/host/keep/entries.ts';
import { decodeJournal, encodeEntry, type JournalEntry, type KeptPath } from '../../../src/host/keep/journal.ts';
import { Keeper } from '../../../src/host/keep/keeper.ts';
import { keepScript, type KeepLimits, type ToWrite } from '../../../src/host/keep/script.ts';
import { keptRun } from '../../../src/host/kinds/kept-run.ts';
import { makeProbe } from '../../../src/host/observe.ts';
import { sha256 } from '../../../src/host/kinds/content.ts';
import { changedAttributes, madeDirectory, removed, wroteFile } from '../../../src/host/kinds/path-effects.ts';
import { stat, statFollow } from '../../../src/host/kinds/path.ts';
import { systemUnit, type UnitFact } from '../../../src/host/kinds/unit.ts';
import type { PendingChange } from '../../../src/host/pending.ts';
import type { Change, ShellChange } from '../../../src/host/plan.ts';
import { byAnswerer, forgetAll, forgetTree } from '../../../src/host/query.ts';
import { Secret } from '../../../src/support/secret.ts';
import { rawScript, sh } from '../../../src/support/shell.ts';
import { runText, scratch, shells, sweep, type Shell } from '../modules/exec.ts';

afterEach(sweep);

const RUN = '20261126-020004-9f3a1c';
const AS = { hidden: false, secret: false, owes: [], by: undefined };
const FILE = { exists: true, type: 'file', mode: '0640', owner: 'root', group: 'adm', size: 3 } as const;

describe('the journal', () => {
  const path: KeptPath = { of: 'path', path: "/etc/it's", before: FILE, after: { exists: false }, digest: 'ab', wrote: null, copy: 'p/1/x', lost: undefined, secret: true, validate: 'nginx -t -c %s', owes: [{ role: 'web', handler: 'reload' }] };
  const entries: readonly JournalEntry[] = [
    path, { ...path, before: undefined, wrote: undefined, copy: undefined, secret: false, owes: [], validate: undefined, digest: undefined, lost: 'large' },
    { of: 'unit', name: 'a.service', before: { load: 'loaded', active: 'active', unitFile: 'enabled' }, after: { active: 'active' }, did: 'restart', by: { role: '', handler: 'again' }, owes: [] },
    { of: 'other', resource: 'package a', did: 'install 1' },
  ];
  test('is read as it was written', () => {
    expect(decodeJournal(entries.map((entry) => `${encodeEntry(entry)}\n`).join(''))).toEqual(entries);
  });
  test('a last line that was being written is no entry; a damaged one is an error', () => {
    const [first = path] = entries;
    expect(decodeJournal(`${encodeEntry(first)}\n{"p":"/e`)).toEqual([first]);
    expect(() => decodeJournal('{"p":"/e\n')).toThrow('line 1 of the journal is damaged');
    expect(() => decodeJournal('{"q":1}\n')).toThrow('line 1 of the journal is of another version');
  });
});

describe('what a change replaces', () => {
  const change = (effects: Change['effects'], more: Partial<ShellChange> = {}): ShellChange => ({ resource: 'file /etc/x', what: 'w', script: sh`:`, effects, diff: { before: 'a', after: 'b' }, ...more });
  const known = (...facts: readonly ReturnType<ReturnType<typeof stat>['is']>[]): FactStore => {
    const store = new FactStore(false);
    for (const fact of facts) if (fact.type === 'set') store.observed(fact.query, fact.value);
    return store;
  };
  const written = wroteFile('/etc/x', { attributes: { mode: '0600' }, bytes: Buffer.from('new'), appeared: false });

  test('a file: a copy, its digest, what is left, the validation, the handlers', () => {
    const { paths, others } = toKeep(change(written, { validate: 'v %s', owes: [{ role: 'r', handler: 'b' }] }), known(stat('/etc/x').is(FILE), sha256('/etc/x').is('0'.repeat(64))), { ...AS, owes: [{ role: '', handler: 'a' }] });
    expect(others).toEqual([]);
    expect(paths).toMatchObject([{ path: '/etc/x', before: FILE, after: { exists: true, mode: '0600', size: 3 }, digest: '0'.repeat(64), wrote: '11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437', copies: 'file', secret: false, validate: 'v %s', owes: [{ role: '', handler: 'a' }, { role: 'r', handler: 'b' }] }]);
  });
  test.each<[string, Change['effects'], FactStore, string]>([
    ['nothing where nothing was', written, known(stat('/etc/x').is({ exists: false })), 'none'],
    ['no copy for attributes alone', changedAttributes('/etc/x', FILE, { mode: '0600' }), known(stat('/etc/x').is(FILE)), 'none'],
    ['a copy of a file that is removed', removed('/etc/x'), known(stat('/etc/x').is(FILE)), 'file'],
    ['a whole directory', removed('/etc/x'), known(stat('/etc/x').is({ exists: true, type: 'directory' })), 'tree'],
    ['what was not looked at', written, known(), 'unknown'],
    ['what the host would not tell of', written, known(stat('/etc/x').is({ exists: false, error: 'denied' })), 'unknown'],
    ['a link by its target', removed('/etc/x'), known(stat('/etc/x').is({ exists: true, type: 'link', target: '/y' })), 'none'],
    ['not a device', removed('/etc/x'), known(stat('/etc/x').is({ exists: true, type: 'block' })), 'impossible'],
    ['a directory that is made for it', madeDirectory('/etc/x', {}), known(statFollow('/etc/x').is({ exists: false })), 'none'],
  ])('%s', (_name, effects, store, copies) => {
    expect(toKeep(change(effects), store, AS).paths.map((each) => [each.path, each.copies])).toEqual([['/etc/x', copies]]);
  });
  test('content that must not be shown: no_log, diff: false, a secret diff, no diff', () => {
    const secret = (more: Partial<ShellChange>, as = AS): boolean | undefined => toKeep(change(written, more), known(), as).paths[0]?.secret;
    expect([secret({}), secret({}, { ...AS, hidden: true }), secret({}, { ...AS, secret: true }), secret({ diff: { before: '', after: new Secret('long-enough-secret') } })]).toEqual([false, true, true, true]);
    const { diff: _diff, ...without } = change(written);
    expect(toKeep(without, known(), AS).paths[0]?.secret).toBe(true);
  });
  test('what is out of reach is named, with no_log without its words', () => {
    expect(toKeep(change([forgetAll], { resource: 'package a', what: 'install 1' }), known(), AS).others).toEqual([{ of: 'other', resource: 'package a', did: 'install 1' }]);
    expect(toKeep(change([forgetAll], { resource: 'package a', what: 'install 1' }), known(), { ...AS, hidden: true }).others).toEqual([{ of: 'other', resource: 'package a', did: 'hidden by no_log' }]);
    expect(toKeep(change([...written, forgetTree('/opt/a')]), known(), AS).others).toEqual([{ of: 'other', resource: 'file /etc/x', did: 'w (what is below /opt/a)' }]);
  });
  test('a unit', () => {
    const fact: UnitFact = { id: 'a.service', load: 'loaded', active: 'inactive', sub: 'dead', unitFile: 'disabled', needReload: false, conditionMet: true, fleeting: false };
    const after: UnitFact = { ...fact, load: undefined, active: 'active', unitFile: 'enabled' };
    expect(toKeep(change([systemUnit('a').is(after)], { what: 'enable, start' }), known(systemUnit('a').is(fact)), { ...AS, by: { role: 'r', handler: 'h' } }).others)
      .toEqual([{ of: 'unit', name: 'a.service', before: { load: 'loaded', active: 'inactive', unitFile: 'disabled' }, after: { active: 'active', unitFile: 'enabled' }, did: 'enable, start', by: { role: 'r', handler: 'h' }, owes: [] }]);
  });
});

describe('a keeper', () => {
  const identity = { user: 'root', become: undefined };
  const pending = (path: string, identityOf = identity): PendingChange => ({ change: { resource: `file ${path}`, what: 'write', script: sh`:`, effects: [stat(path).is(FILE), sha256(path).is('a')], diff: { before: '', after: '' } }, identity: identityOf, environment: {}, timeoutSeconds: 1, before: undefined, keepAs: AS, done: () => undefined });
  const store = new FactStore(false);
  store.observed(stat('/etc/a'), FILE);
  store.observed(stat('/etc/b'), FILE);
  const made = (): Keeper => new Keeper({ run: RUN, runs: 3, bytes: 1000 });
  const text = (keeper: Keeper, ...batch: readonly PendingChange[]): string => {
    for (const each of batch) keeper.look(each, store);
    return keeper.script(batch)?.text ?? '';
  };

  test('copies files of one directory by one process, each once a run, and again after the batch is lost', () => {
    const keeper = made();
    expect(text(keeper, pending('/etc/a'), pending('/etc/b')).match(/cp -pP -- .*/g)?.map((each) => each.replace(/".*/, ''))).toEqual(['cp -pP -- /etc/a /etc/b ']);
    expect(text(keeper, pending('/etc/a'))).not.toContain('cp -pP');
    keeper.restart();
    expect(text(keeper, pending('/etc/a'))).toContain('cp -pP -- /etc/a');
  });
  test('copies what is replaced after its attributes were changed', () => {
    const keeper = made();
    const mode = pending('/etc/a');
    const attributes = { ...mode, change: { ...mode.change, effects: changedAttributes('/etc/a', FILE, { mode: '0600' }) } };
    expect(text(keeper, attributes)).not.toContain('cp -pP');
    expect(text(keeper, attributes, pending('/etc/a'))).toContain('cp -pP -- /etc/a');
    expect(text(keeper, pending('/etc/a'))).not.toContain('cp -pP');
  });
  test('stops at the bytes of one run, and says so in the journal', () => {
    const keeper = new Keeper({ run: RUN, runs: 3, bytes: 8 });
    expect(text(keeper, pending('/etc/a'), pending('/etc/b'))).toContain('"l":"with its 3 bytes, more than 4 of one run are not kept"');
  });
  test('of another user it keeps nothing, and notes it with the next batch of root', () => {
    const keeper = made();
    const other = pending('/etc/a', { user: 'care', become: undefined });
    expect(text(keeper, other)).toBe('');
    keeper.makes([other]);
    expect(keeper.owes).toBe(true);
    expect(text(keeper, pending('/etc/b'))).toContain('{"r":"file /etc/a","d":"write (as care)"}');
    expect([keeper.owes, keeper.root]).toEqual([false, identity]);
  });
  test('what went along with a batch that was lost goes along with the next one', () => {
    const keeper = made();
    keeper.made('package a', 'install 1');
    expect(text(keeper, pending('/etc/a'))).toContain('"package a"');
    keeper.restart();
    expect([keeper.owes, text(keeper, pending('/etc/a')).includes('"package a"')]).toEqual([true, true]);
    keeper.written();
    keeper.restart();
    expect(keeper.owes).toBe(false);
  });
  test('its script stands in front of the first change of the batch, in the same script', () => {
    const keeper = made();
    const batch = [pending('/etc/a'), pending('/etc/b')].map((each) => ({ ...each, change: { ...each.change, script: sh`true` } as ShellChange }));
    for (const each of batch) keeper.look(each, store);
    const scripts = batchScripts(batch, true, keeper.script(batch));
    expect(scripts).toHaveLength(2);
    expect([scripts[0]?.script.text.endsWith('\ntrue'), scripts[1]?.script.text]).toEqual([true, 'true']);
  });
});

describe.each(shells)('the shell under %s', (shell: Shell) => {
  const write = (directory: string, what: Partial<ToWrite>, limits: Partial<KeepLimits> = {}, after = 'echo changed'): ReturnType<typeof runText> =>
    runText(shell, `set -eu\n${keepScript({ directory, runs: 10, bytes: 1024 * 1024, ...limits }, { run: RUN, part: 'part', groups: [], lines: [], ...what }).text}\n${after}`);
  const choice = { copy: 'part/9/copy', ifKept: 'kept', ifAbsent: 'absent', ifNot: 'not' };

  test('copies with attributes, links as links, names with blanks; the journal is root\'s alone', () => {
    const dir = scratch();
    writeFileSync(join(dir, "a 'b"), 'one', { mode: 0o640 });
    symlinkSync('/nowhere', join(dir, 'l'));
    const ran = write(join(dir, 'runs'), { groups: [{ directory: 'part/1', paths: [join(dir, "a 'b"), join(dir, 'l')] }], lines: [`{"p":"it's"}`, 'b\\n'] });
    expect([ran.status, ran.stdout.toString(), ran.stderr]).toEqual([0, 'changed\n', '']);
    const at = join(dir, 'runs', RUN);
    expect(readFileSync(join(at, '00000-part.journal'), 'utf8')).toBe(`{"p":"it's"}\nb\\n\n`);
    expect([readFileSync(join(at, "part/1/a 'b"), 'utf8'), (statSync(join(at, "part/1/a 'b")).mode & 0o777).toString(8), readlinkSync(join(at, 'part/1/l'))]).toEqual(['one', '640', '/nowhere']);
    expect([join(dir, 'runs'), at, join(at, '00000-part.journal')].map((each) => (statSync(each).mode & 0o777).toString(8))).toEqual(['700', '700', '600']);
    // The next batch of the connection goes on in the same part.
    expect(write(join(dir, 'runs'), { groups: [{ directory: 'part/2', paths: [join(dir, 'l')] }], lines: ['c'] }).status).toBe(0);
    expect(readFileSync(join(at, '00000-part.journal'), 'utf8')).toBe(`{"p":"it's"}\nb\\n\nc\n`);
  });

  test('parts are in the order in which the host has seen them begin, whatever their names', () => {
    const dir = scratch();
    for (const [part, line] of [['z', '1'], ['a', '2'], ['z', '3']] as const) expect(write(join(dir, 'runs'), { part, lines: [line] }).status).toBe(0);
    expect(readdirSync(join(dir, 'runs', RUN)).sort().map((name) => [name, readFileSync(join(dir, 'runs', RUN, name), 'utf8')])).toEqual([['00000-z.journal', '1\n3\n'], ['00001-a.journal', '2\n']]);
  });

  test('two sessions of a run that begin at once', () => {
    const dir = scratch();
    // As if the other one had made the directory between the look and the making.
    const script = keepScript({ directory: join(dir, 'runs'), runs: 10, bytes: 1e6 }, { run: RUN, part: 'mine', groups: [], lines: ['a'] }).text.replace('[ -d "$d" ] ||', 'mkdir -p "$d"; false ||');
    expect(runText(shell, `set -eu\n${script}\necho changed`).stdout.toString()).toBe('changed\n');
  });

  test('what cannot be kept is not replaced, and has no line', () => {
    const dir = scratch();
    const ran = write(join(dir, 'runs'), { groups: [{ directory: 'part/1', paths: [join(dir, 'gone')] }], lines: ['a'] });
    expect([ran.status, ran.stdout.toString()]).toEqual([1, '']);
    expect(ran.stderr).toContain('cannot be kept for a rollback, so it is not replaced');
    expect(existsSync(join(dir, 'runs', RUN, '00000-part.journal'))).toBe(false);
  });

  test('where only the host can tell: absent, a file, a tree, too large', () => {
    const dir = scratch();
    mkdirSync(join(dir, 'tree'));
    writeFileSync(join(dir, 'tree', 'x'), 'x');
    writeFileSync(join(dir, 'large'), 'x'.repeat(60_000));
    const lines = [
      { ...choice, path: join(dir, 'none'), tree: false }, 'between',
      { ...choice, path: join(dir, 'tree'), tree: true, ifKept: 'kept tree' },
      { ...choice, path: join(dir, 'large'), tree: false, copy: 'part/8/copy' },
      { ...choice, path: join(dir, 'tree', 'x'), tree: false, copy: 'part/7/copy', ifKept: 'kept x' },
      { ...choice, path: join(dir, 'tree'), tree: false, copy: 'part/6/copy' },
    ];
    const ran = write(join(dir, 'runs'), { lines }, { bytes: 96 * 1024 });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    const at = join(dir, 'runs', RUN);
    expect(readFileSync(join(at, '00000-part.journal'), 'utf8').split('\n')).toEqual(['absent', 'between', 'kept tree', 'not', 'kept x', 'not', '']);
    expect([readFileSync(join(at, 'part/9/copy/x'), 'utf8'), readFileSync(join(at, 'part/7/copy'), 'utf8'), existsSync(join(at, 'part/8'))]).toEqual(['x', 'x', false]);
  });

  test('directories together take no more than a run may keep', () => {
    const dir = scratch();
    const trees = ['a', 'b', 'c'].map((name) => join(dir, name));
    for (const tree of trees) {
      mkdirSync(tree);
      writeFileSync(join(tree, 'x'), 'x'.repeat(40_000));
    }
    const ran = write(join(dir, 'runs'), { lines: trees.map((path, i) => ({ ...choice, path, tree: true, copy: `part/${String(i)}/copy` })) }, { bytes: 230 * 1024 });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(readFileSync(join(dir, 'runs', RUN, '00000-part.journal'), 'utf8')).toBe('kept\nkept\nnot\n');
  });

  test('drops the oldest runs beyond the number and the bytes, never the one that is put back', () => {
    const dir = join(scratch(), 'runs');
    const name = (day: number): string => `2026010${String(day)}-000000-aaaaaa`;
    const others = (): readonly string[] => readdirSync(dir).filter((each) => each !== RUN);
    const fill = (bytes: number): void => {
      for (const day of [1, 2, 3]) {
        mkdirSync(join(dir, name(day)), { recursive: true });
        writeFileSync(join(dir, name(day), 'f'), 'x'.repeat(bytes));
      }
    };
    fill(10);
    expect(write(dir, { lines: ['a'] }, { runs: 3 }).status).toBe(0);
    expect(others()).toEqual([name(2), name(3)]);
    // The run is there: nothing is dropped in the middle of it.
    fill(10);
    expect([write(dir, { lines: ['a'] }, { runs: 1 }).status, others().length]).toEqual([0, 3]);
    runText(shell, `rm -rf ${dir}/${RUN}`);
    expect([write(dir, { lines: ['a'] }, { runs: 2, protects: name(1) }).status, others()]).toEqual([0, [name(1), name(3)]]);
    runText(shell, `rm -rf ${dir}/*`);
    fill(40_000);
    expect([write(dir, { lines: ['a'] }, { bytes: 200_000 }).status, others()]).toEqual([0, [name(2), name(3)]]);
  });

  test('a journal is read with what later runs have changed', () => {
    const dir = join(scratch(), 'runs');
    const other = (resource: string): string => encodeEntry({ of: 'other', resource, did: 'd' });
    expect(write(dir, { lines: [other('package a')] }).status).toBe(0);
    runText(shell, keepScript({ directory: dir, runs: 10, bytes: 1e6 }, { run: '20261127-000000-aaaaaa', part: 'q', groups: [], lines: [other('package b')] }).text);
    const key = keptRun({ run: RUN, directory: dir });
    const gone = keptRun({ run: '20200101-000000-aaaaaa', directory: dir });
    const probe = makeProbe(byAnswerer([key, gone]).shell);
    const facts = probe.read('h', runText(shell, probe.script.text).stdout);
    expect(facts.get(key.id)).toEqual({ entries: [{ of: 'other', resource: 'package a', did: 'd' }], runs: [RUN, '20261127-000000-aaaaaa'], later: [{ run: '20261127-000000-aaaaaa', things: ['package b'] }] });
    expect(facts.get(gone.id)).toMatchObject({ entries: undefined, later: [] });
    expect(lstatSync(dir).isDirectory()).toBe(true);
  });
});

test('a script that keeps nothing is none', () => {
  expect(new Keeper({ run: RUN, runs: 1, bytes: 1 }).script([])).toBeUndefined();
  expect(rawScript('').text).toBe('');
});
