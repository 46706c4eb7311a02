/** What a run needs of upstream files is known, and had, before any host is touched. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cachedPath } from '../../../src/artifacts/cache.ts';
import { main } from '../../../src/cli/cli.ts';
import { fakeContext } from '../cli/fakes.ts';
import { testProject, type TestProject } from './support.ts';

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');
const TOOL = digest('tool 1');
let project: TestProject;
let cache = '';
let state = '';

/** The touch comes first: what it leaves tells whether the host was touched. */
const PLAYBOOK = (task: string): string => `- hosts: all
  vars: { wanted: true }
  tasks:
    - { name: touch, copy: { dest: "{{ work }}/touched", content: x } }
    - ${task}
`;
const CATALOGUE = (more = '', source = '@DIR@/upstream'): string => `artifacts:
  - name: tool
    version: "1"
    source: url
    url: file://${source}
    license: MIT
    sha256: { linux/amd64: ${TOOL}, linux/arm64: ${TOOL} }
    ${more}
`;
const ASKED = 'artifact: { name: tool, version: "1", dest: "{{ work }}/tool", mode: "0755" }';

beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'care-artifacts-'));
  state = mkdtempSync(path.join(tmpdir(), 'care-state-'));
  vi.stubEnv('CARE_ARTIFACTS', cache);
  vi.stubEnv('CARE_STATE', state);
  project = testProject({ 'playbook.yml': PLAYBOOK(ASKED), 'artifacts.yml': CATALOGUE(), upstream: 'tool 1' });
});
afterEach(() => {
  vi.unstubAllEnvs();
  project.remove();
  rmSync(cache, { recursive: true, force: true });
  rmSync(state, { recursive: true, force: true });
});

const at = (name: string): string => path.join(project.dir, name);
const touched = (): boolean => existsSync(at('work/touched'));

async function care(...words: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const context = { ...fakeContext(project.dir), environment: process.env };
  // Files of tests run side by side, and have this machine as their host.
  const status = await main(words[0] === 'apply' ? [...words, '--lock-wait', '15'] : words, context);
  return { status, out: context.stdout.text(), err: context.stderr.text() };
}
const given = (): readonly [string, string] => [at('inventory.yml'), at('playbook.yml')];

describe('before any host is touched', () => {
  test('what is not in the cache is fetched, said, verified and installed; a second run changes nothing', async () => {
    const first = await project.run();
    expect(first.status).toBe(0);
    expect(first.events.flatMap((e) => (e.type === 'warning' ? [e.message] : []))).toEqual(['tool 1 is not in the artefact cache: fetching it']);
    expect(readFileSync(at('work/tool'), 'utf8')).toBe('tool 1');
    rmSync(at('upstream'));
    const second = await project.run();
    expect([second.status, second.changes]).toEqual([0, []]);
  });

  test.each<[string, () => void, string, RegExp]>([
    ['neither cached nor to be had', () => { rmSync(at('upstream')); }, 'download-failed', /tool 1 could not be downloaded/],
    ['another checksum', () => { project.write('upstream', 'tool 2'); }, 'wrong-checksum', /is not the file that was locked/],
    ['gone bad in the cache, and upstream gone', () => {
      rmSync(at('upstream'));
      mkdirSync(path.dirname(cachedPath(cache, TOOL)), { recursive: true });
      writeFileSync(cachedPath(cache, TOOL), 'rotten');
    }, 'download-failed', /tool 1/],
    ['past its end of life', () => { project.write('artifacts.yml', CATALOGUE('end_of_life: 2026-01-31')); }, 'artifact-ended', /gets no more fixes since 2026-01-31/],
    ['a version that nobody knows', () => { project.write('playbook.yml', PLAYBOOK(ASKED.replace('"1"', '"2"'))); }, 'unknown-artifact', /no artefact tool 2 is known/],
    ['no checksum for the platform', () => { project.write('playbook.yml', PLAYBOOK(ASKED.replace('dest:', 'platform: linux/s390x, dest:'))); }, 'artifact-not-locked', /no sha256 for linux\/s390x/],
    ['of the task itself, from the cache only', () => { project.write('playbook.yml', PLAYBOOK(`artifact: { sha256: ${digest('other')}, dest: "{{ work }}/tool" }`)); }, 'artifact-missing', /is not in the cache/],
    ['in a loop', () => { project.write('playbook.yml', PLAYBOOK('{ artifact: { name: tool, version: "{{ item }}", dest: "{{ work }}/{{ item }}" }, loop: ["1", "9"] }')); }, 'unknown-artifact', /no artefact tool 9/],
  ])('%s is refused at its task', async (_what, spoil, code, message) => {
    spoil();
    const problem = await project.run().then(() => undefined, (error: unknown) => (error as { list?: readonly unknown[] }).list?.[0]);
    expect(problem).toMatchObject({ code, kind: 'bad-input', message: expect.stringMatching(message) as string });
    expect((problem as { format(): string }).format()).toMatch(/playbook\.yml:5:/);
    expect(touched()).toBe(false);
    const told = await care('apply', ...given());
    expect([told.status, touched()]).toEqual([65, false]);
  });

  test('what certainly does not run, or cannot be told yet, keeps nobody from beginning', async () => {
    rmSync(at('upstream'));
    project.write('playbook.yml', PLAYBOOK(`{ ${ASKED}, when: "!wanted" }`));
    expect((await project.run()).status).toBe(0);
    project.write('playbook.yml', PLAYBOOK(`{ ${ASKED}, when: 'ansible_kernel == "0"' }`));
    expect((await project.run()).status).toBe(0);
    project.write('playbook.yml', PLAYBOOK(`{ ${ASKED}, tags: [never] }`));
    expect((await project.run()).status).toBe(0);
    project.write('playbook.yml', PLAYBOOK(`{ ${ASKED}, ignore_errors: true }`));
    const ignored = await project.run();
    expect([ignored.status, ignored.tasks.at(-1)]).toEqual([0, 'one|artifact|ignored']);
    project.write('playbook.yml', PLAYBOOK(`{ block: [{ ${ASKED} }], rescue: [{ artifact: { name: gone, version: "1", dest: /nowhere }, when: "!wanted" }] }`));
    expect((await project.run()).status).toBe(0);
    // It is reached, and fails there by name.
    project.write('playbook.yml', PLAYBOOK(`{ ${ASKED}, when: 'ansible_kernel != "0"' }`));
    expect((await project.run()).status).toBe(3);
  });

  test('an end of life that the site has accepted, until that ends too', async () => {
    const accepted = (until: string): string => `${CATALOGUE('end_of_life: 2026-01-31')}end_of_life_accepted:\n  - { name: tool, version: "1", until: ${until}, reason: ticket 7 }\n`;
    project.write('artifacts.yml', accepted('2026-02-28'));
    await expect(project.run()).rejects.toMatchObject({ list: [{ code: 'artifact-ended', detail: 'it was accepted until 2026-02-28: ticket 7' }] });
    project.write('artifacts.yml', accepted('9999-12-31'));
    expect((await project.run()).status).toBe(0);
  });

  test('check fetches nothing and predicts the same; it tells what nobody could fetch', async () => {
    const checked = await project.run({ mode: 'check' });
    expect([checked.status, checked.changes, existsSync(cachedPath(cache, TOOL))]).toEqual([2, ['one|file /work/tool', 'one|file /work/touched'], false]);
    expect((await project.run()).changes).toEqual(checked.changes);
    project.write('playbook.yml', PLAYBOOK(`artifact: { sha256: ${digest('other')}, dest: "{{ work }}/tool" }`));
    await expect(project.run({ mode: 'check' })).rejects.toMatchObject({ list: [{ code: 'artifact-missing' }] });
  });

  describe('a lab that says care_artifacts_missing: skip', () => {
    const more = (): readonly string[] => ['--extra-vars', JSON.stringify({ care_artifacts_missing: 'skip' })];
    const plain = '- hosts: all\n  name: the rest\n  tasks:\n    - { name: rest, copy: { dest: "{{ work }}/rest", content: x } }\n';
    const [inventory, playbook] = ['inventory.yml', 'playbook.yml'];
    const both = (): readonly string[] => [at(inventory), at(playbook), at('rest.yml')];
    beforeEach(() => { project.write('rest.yml', plain); });

    test.each([
      // `check` fetches nothing, so it can't tell that nobody has it.
      ['is not to be had', (): void => { rmSync(at('upstream')); }, 2],
      ['has ended', (): void => { project.write('artifacts.yml', CATALOGUE('end_of_life: 2020-01-01')); }, 0],
    ])('leaves out the plays of a playbook whose file %s, says so in one line, counts them, and does the rest', async (_what, spoil, checked) => {
      project.write(playbook, `${PLAYBOOK(ASKED)}- hosts: all\n  name: what stands before it\n  tasks:\n    - { name: before, copy: { dest: "{{ work }}/before", content: x } }\n`);
      spoil();
      const { status, out, err } = await care('apply', ...both(), ...more());
      expect([status, touched(), existsSync(at('work/before')), existsSync(at('work/rest'))]).toEqual([0, false, false, true]);
      expect(err + out).toMatch(/play all is skipped: .*tool 1/);
      expect(out).toContain('Skipped, since what they install is not to be had: 2 plays (all, what stands before it)');
      expect((await care('validate', ...both(), ...more())).status).toBe(0);
      expect((await care('check', ...both(), ...more())).status).toBe(checked);
      const lines = (await care('apply', ...both(), ...more(), '--output', 'json')).out.trim().split('\n').map((line) => JSON.parse(line) as { type: string; skipped_plays?: readonly string[] });
      expect(lines.at(-1)).toMatchObject({ type: 'summary', skipped_plays: ['all', 'what stands before it'] });
    });

    test('skips nothing that it can have, and elsewhere nothing at all', async () => {
      expect((await care('apply', ...both(), ...more())).out).not.toContain('Skipped');
      expect([touched(), existsSync(at('work/tool'))]).toEqual([true, true]);
      rmSync(at('upstream'));
      rmSync(cache, { recursive: true, force: true });
      rmSync(at('work'), { recursive: true });
      const refused = await care('apply', ...both());
      expect([refused.status, existsSync(at('work/rest'))]).toEqual([65, false]);
      expect((await care('apply', ...both(), '--extra-vars', '{"care_artifacts_missing":"perhaps"}')).err).toContain('care_artifacts_missing must be fail or skip');
    });

    test.each<[string, () => void, string]>([
      ['a file with other bytes than were locked', () => { project.write('upstream', 'tool 2'); }, 'is not the file that was locked'],
      ['a version that nobody knows', () => { project.write(playbook, PLAYBOOK(ASKED.replace('"1"', '"2"'))); }, 'no artefact tool 2 is known'],
      ['a mirror that is none', () => { project.write(playbook, PLAYBOOK(ASKED).replace('vars: {', 'vars: { artifact_mirrors: nonsense,')); }, 'artifact_mirrors must be a list'],
    ])('is told of %s as everywhere', async (_what, spoil, message) => {
      spoil();
      const { status, err } = await care('apply', ...both(), ...more());
      expect([status, touched(), existsSync(at('work/rest'))]).toEqual([65, false, false]);
      expect(err).toContain(message);
    });

    test('leaves out nothing while one host of the play does not say so', async () => {
      rmSync(at('upstream'));
      project.write(inventory, 'all:\n  vars: { ansible_connection: local, work: "@DIR@/work" }\n  hosts:\n    one: { care_artifacts_missing: skip }\n    two:\n');
      const refused = await care('apply', ...both());
      expect([refused.status, touched(), existsSync(at('work/rest'))]).toEqual([65, false, false]);
      expect((await care('apply', ...both(), '--limit', 'one')).out).toContain('1 play (all)');
    });
  });

  test('interrupted while it fetches: 130, no host touched', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(project.run({ stop: stop.signal })).rejects.toMatchObject({ kind: 'interrupted' });
    expect(touched()).toBe(false);
  });

  test('validate tells what artifacts.yml says, and does not look at the cache', async () => {
    rmSync(at('upstream'));
    expect((await care('validate', ...given())).status).toBe(0);
    project.write('artifacts.yml', CATALOGUE('end_of_life: 2026-01-31'));
    const { status, err } = await care('validate', ...given());
    expect([status, err.includes('end_of_life_accepted')]).toEqual([65, true]);
    project.write('artifacts.yml', CATALOGUE('eol: 2026-01-31'));
    expect((await care('validate', ...given())).err).toContain('artifacts.yml:8:5');
  });
});

describe('the command', () => {
  test('fetch what an inventory needs, bundle it, import it elsewhere, apply there without upstream', async () => {
    const inventory = ['-i', at('inventory.yml'), '--playbook', at('playbook.yml')];
    const fetched = await care('artifacts', 'fetch', ...inventory, '--output', 'json');
    expect(fetched.status).toBe(0);
    expect(JSON.parse(fetched.out)).toMatchObject({ cache, files: [{ name: 'tool', version: '1', status: 'fetched', locked: true, source: 'url', sha256: TOOL }] });
    const bundled = await care('artifacts', 'bundle', at('site.tar'), ...inventory);
    expect([bundled.status, bundled.out]).toEqual([0, expect.stringContaining('1 artefact')]);
    rmSync(at('upstream'));
    const elsewhere = path.join(cache, 'elsewhere');
    vi.stubEnv('CARE_ARTIFACTS', elsewhere);
    await expect(project.run()).rejects.toMatchObject({ list: [{ code: 'download-failed' }] });
    const imported = await care('artifacts', 'import', 'site.tar');
    expect([imported.status, imported.out]).toEqual([0, expect.stringContaining('tool 1 linux/amd64 imported')]);
    expect((await project.run()).status).toBe(0);
    expect(readFileSync(at('work/tool'), 'utf8')).toBe('tool 1');
    expect(await care('artifacts', 'verify', '--output', 'json')).toMatchObject({ status: 0 });
    writeFileSync(cachedPath(elsewhere, TOOL), 'bad');
    const bad = await care('artifacts', 'verify', '--output', 'json');
    expect([bad.status, JSON.parse(bad.out)]).toEqual([3, { cache: elsewhere, files: 0, bytes: 0, removed: [TOOL] }]);
    const none = await care('artifacts', 'bundle', at('again.tar'), ...inventory);
    expect([none.status, none.err.includes('is not in the cache'), existsSync(at('again.tar'))]).toEqual([3, true, false]);
  });

  test('a task’s own artefact is fetched and bundled too', async () => {
    project.write('playbook.yml', PLAYBOOK(`artifact: { name: own, url: "${pathToFileURL(at('upstream')).href}", sha256: ${TOOL}, dest: "{{ work }}/tool" }`));
    const inventory = ['-i', at('inventory.yml'), '--playbook', at('playbook.yml')];
    expect((await care('artifacts', 'fetch', ...inventory)).out).toMatch(/^own .*fetched/);
    expect(JSON.parse((await care('artifacts', 'bundle', 'b.tar', ...inventory, '--output', 'json')).out)).toMatchObject({ artifacts: [{ name: 'own', license: 'NOASSERTION', sha256: TOOL }] });
  });

  test('list and outdated, with the site’s file; one that fails to be fetched is 3', async () => {
    const listed = await care('artifacts', 'list', 'tool', '-i', at('inventory.yml'), '--output', 'json');
    expect(JSON.parse(listed.out)).toMatchObject({ artifacts: [{ name: 'tool', life: 'unknown', files: [{ platform: 'linux/amd64', bytes: null }, { platform: 'linux/arm64' }] }] });
    expect((await care('artifacts', 'list', 'tool', '-i', at('inventory.yml'))).out).toContain('tool  1        linux/amd64  url');
    expect((await care('artifacts', 'outdated', 'tool', '-i', at('inventory.yml'), '--offline')).status).toBe(0);
    project.write('artifacts.yml', CATALOGUE('end_of_life: 2026-01-31'));
    const { status, out } = await care('artifacts', 'outdated', 'tool', '-i', at('inventory.yml'), '--offline');
    expect([status, out]).toEqual([2, expect.stringContaining('2026-01-31 (ended)')]);
    rmSync(at('upstream'));
    const failed = await care('artifacts', 'fetch', 'tool@1', '-i', at('inventory.yml'), '--platform', 'linux/amd64');
    expect([failed.status, failed.err.includes('could not be downloaded')]).toEqual([3, true]);
    expect((await care('artifacts', 'fetch')).status).toBe(64);
    expect((await care('artifacts', 'fetch', 'tol', '-i', at('inventory.yml'))).err).toContain('Did you mean tool?');
  });
});
