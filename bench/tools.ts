/** The programs that are compared: how each is started, and how it tells its number of changes. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { runProgram } from '../src/lab/process.ts';
import type { Bed, Way } from './hosts.ts';
import type { Cost } from './measure.ts';
import type { Projects } from './projects.ts';

export const TOOLS = ['care-provision', 'floor', 'connect', 'ansible-tuned', 'ansible-default', 'mitogen'] as const;
export type Tool = (typeof TOOLS)[number];

export interface Started {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export class Toolbox {
  readonly #root: string;
  readonly #work: string;
  readonly #bed: Bed;
  readonly #projects: Projects;
  readonly #strategies: string | undefined;
  #known = 0;

  /** @param strategies the folder of Mitogen's strategy plugins; undefined: Mitogen is not installed */
  constructor(root: string, work: string, bed: Bed, projects: Projects, strategies: string | undefined) {
    this.#root = root;
    this.#work = work;
    this.#bed = bed;
    this.#projects = projects;
    this.#strategies = strategies;
  }

  has(tool: Tool): boolean {
    return tool !== 'mitogen' || this.#strategies !== undefined;
  }

  /** Puts down what a run of the tool against these hosts needs. */
  async start(tool: Tool, ways: readonly Way[]): Promise<Started> {
    this.#known += 1;
    const directory = join(this.#work, 'runs', String(this.#known));
    await mkdir(directory, { recursive: true });
    const compiled = { NODE_COMPILE_CACHE: join(this.#work, 'compiled') };
    if (tool === 'floor' || tool === 'connect') {
      const hosts = ways.map((way) => ({ name: way.name, host: way.address, port: way.port, user: 'care', keyFile: this.#bed.keyFile, hostKey: way.hostKey }));
      await writeFile(join(directory, 'hosts.json'), JSON.stringify(hosts));
      return { command: [process.execPath, join(this.#root, 'bench', 'floor.mjs'), tool, join(directory, 'hosts.json'), this.#projects.floor], environment: compiled };
    }
    const inventory = await this.#inventory(directory, ways);
    if (tool === 'care-provision') {
      return {
        command: [join(this.#root, 'bin', 'care-provision'), 'apply', inventory, this.#projects.ours, '--output', 'json'],
        environment: { ...compiled, CARE_STATE: join(this.#work, 'state') },
      };
    }
    await writeFile(join(directory, 'ansible.cfg'), this.#ansibleConfig(tool, directory));
    return {
      command: ['ansible-playbook', '-i', inventory, this.#projects.ansible],
      environment: { ANSIBLE_CONFIG: join(directory, 'ansible.cfg'), ANSIBLE_NOCOLOR: '1', ANSIBLE_LOCAL_TEMP: join(directory, 'tmp'), LC_ALL: 'C.UTF-8' },
    };
  }

  async #inventory(directory: string, ways: readonly Way[]): Promise<string> {
    const known = new Set(ways.map((way) => `${way.port === 22 ? way.address : `[${way.address}]:${String(way.port)}`} ssh-ed25519 ${way.hostKey}\n`));
    await writeFile(join(directory, 'known_hosts'), [...known].join(''));
    const hosts = Object.fromEntries(ways.map((way) => [way.name, {
      ansible_host: way.address,
      ansible_port: way.port,
      ansible_user: 'care',
      ansible_ssh_private_key_file: this.#bed.keyFile,
      ansible_ssh_common_args: `-o UserKnownHostsFile=${join(directory, 'known_hosts')}`,
    }]));
    const file = join(directory, 'inventory.yml');
    await writeFile(file, stringify({ all: { hosts } }, { lineWidth: 0 }));
    return file;
  }

  /** Defaults are defaults, but for the place of ssh's control sockets, so that no connection outlives its run. */
  #ansibleConfig(tool: Tool, directory: string): string {
    const lines = ['[defaults]', 'retry_files_enabled = False'];
    if (tool !== 'ansible-default') lines.push('gathering = explicit', 'forks = 30', 'interpreter_python = /usr/bin/python3');
    if (tool === 'mitogen') lines.push(`strategy_plugins = ${this.#strategies ?? ''}`, 'strategy = mitogen_linear');
    lines.push('[ssh_connection]', `control_path_dir = ${join(directory, 'cp')}`);
    if (tool !== 'ansible-default') lines.push('pipelining = True');
    return `${lines.join('\n')}\n`;
  }

  /** Ends the ssh masters of a run: the next one connects anew, as one does at night. */
  async finish(): Promise<void> {
    const directory = join(this.#work, 'runs', String(this.#known));
    for (const socket of await readdir(join(directory, 'cp')).catch(() => [])) {
      await runProgram('ssh', ['-o', `ControlPath=${join(directory, 'cp', socket)}`, '-O', 'exit', 'any'], { timeoutMs: 10_000 });
    }
    await rm(join(directory, 'tmp'), { recursive: true, force: true });
  }
}

/** @throws Error when the run did not succeed */
export function changesOf(tool: Tool, cost: Cost): number {
  const failed = (why: string): Error => new Error(`${tool}: ${why}\n${cost.stdout.slice(-3000)}\n${cost.stderr.slice(-3000)}`);
  if (cost.status !== 0) throw failed(`exit status ${String(cost.status)}`);
  if (tool === 'floor' || tool === 'connect') return Number(/^changed (\d+)$/m.exec(cost.stdout)?.[1] ?? Number.NaN);
  if (tool === 'care-provision') {
    const summary = cost.stdout.split('\n').find((line) => line.includes('"type":"summary"'));
    if (summary === undefined) throw failed('no summary');
    return (JSON.parse(summary) as { total: { changed: number } }).total.changed;
  }
  const recap = [...cost.stdout.matchAll(/^\S+\s+: ok=\d+\s+changed=(\d+)/gm)];
  if (recap.length === 0) throw failed('no recap');
  return recap.reduce((sum, match) => sum + Number(match[1]), 0);
}
