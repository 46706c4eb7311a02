/** Runs a small project on this machine through the local connection, in a directory of its own. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent } from '../../../src/run/events.ts';
import type { RunOptions } from '../../../src/run/options.ts';
import { run } from '../../../src/run/run.ts';
import type { ExitStatus } from '../../../src/support/diagnostic.ts';

export interface Result {
  readonly status: ExitStatus;
  readonly events: readonly RunEvent[];
  /** `host|task|status` of each task event, in order. */
  readonly tasks: readonly string[];
  /** `host|resource` of each change event, sorted. */
  readonly changes: readonly string[];
  readonly summary: Extract<RunEvent, { type: 'summary' }> | undefined;
}

export interface TestProject {
  readonly dir: string;
  /** Writes a file of the project; `@DIR@` in it becomes the project's directory. */
  write(name: string, text: string): void;
  /** @param work instead of a run of the playbook, with the same options */
  run(options?: Partial<RunOptions>, work?: (options: RunOptions) => Promise<ExitStatus>): Promise<Result>;
  remove(): void;
}

const LOCAL_HOSTS = (hosts: readonly string[]): string =>
  ['all:', '  vars:', '    ansible_connection: local', '    work: "@DIR@/work"', '  hosts:', ...hosts.map((h) => `    ${h}:`)].join('\n');

export function testProject(files: Readonly<Record<string, string>>, hosts: readonly string[] = ['one']): TestProject {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-run-'));
  const write = (name: string, text: string): void => {
    const file = path.join(dir, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text.replaceAll('@DIR@', dir));
  };
  mkdirSync(path.join(dir, 'work'));
  write('inventory.yml', LOCAL_HOSTS(hosts));
  for (const [name, text] of Object.entries(files)) write(name, text);
  return {
    dir,
    write,
    async run(options = {}, work = run) {
      const events: RunEvent[] = [];
      const status = await work({
        mode: 'apply', inventory: [path.join(dir, 'inventory.yml')], playbooks: [path.join(dir, 'playbook.yml')], limit: undefined, tags: [], skipTags: [], forks: 10, extraVars: {},
        startAtTask: undefined, diff: false, becomePassword: undefined, lockWaitSeconds: 30, hostLockDirectory: path.join(dir, 'lock'), stop: new AbortController().signal, kill: new AbortController().signal, prompt: undefined,
        reporter: { event: (e) => { events.push(e); }, close: () => Promise.resolve() },
        ...options,
      });
      return {
        status,
        events,
        tasks: events.flatMap((e) => (e.type === 'task' ? [`${e.host}|${e.task}|${e.status}`] : [])),
        changes: events.flatMap((e) => (e.type === 'change' ? [`${e.host}|${e.resource.replaceAll(dir, '')}`] : [])).sort(),
        summary: events.find((e) => e.type === 'summary'),
      };
    },
    remove() {
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
