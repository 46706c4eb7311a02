/**
 * ~/.ssh/config as ssh itself reads it: `ssh -G` prints the result of Include, Match, tokens and all.
 * It costs about 11 ms a host, so it is asked only where a configuration exists, and once.
 */
import { execFile } from 'node:child_process';
import { access, readFile, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { failure } from '../support/diagnostic.ts';
import { expandHome, parseJumps, parseProxyCommand, type Jump } from './ssh-args.ts';

const TIMEOUT_MS = 10_000;

/** What the configuration says of one host; undefined: nothing beyond ssh's own default. */
export interface ConfiguredHost {
  readonly hostName: string;
  readonly user: string;
  readonly port: number;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  readonly identityAgent: string | undefined;
  readonly knownHostsFiles: readonly string[];
  readonly hostKeyAlias: string | undefined;
  readonly jumps: readonly Jump[];
}

/** Asks ssh once per question. One instance a connector. */
export class SshConfig {
  readonly #answers = new Map<string, Promise<ConfiguredHost | undefined>>();
  readonly #files = new Map<string, Promise<boolean>>();
  #exists: Promise<boolean> | undefined;

  /**
   * @param configFile the file of `-F`; undefined: the user's and the system's
   * @returns undefined when there is no ssh or no configuration to read
   * @throws Diagnostic when ssh refuses its configuration
   */
  async lookup(host: string, user: string | undefined, port: number | undefined, configFile: string | undefined): Promise<ConfiguredHost | undefined> {
    if (configFile === undefined) {
      this.#exists ??= configurationExists();
      if (!(await this.#exists)) return undefined;
    }
    const args = [
      ...(configFile === undefined ? [] : ['-F', configFile]),
      ...(user === undefined ? [] : ['-l', user]),
      ...(port === undefined ? [] : ['-p', String(port)]),
      '-G', '--', host,
    ];
    const key = JSON.stringify(args);
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = ask(args);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  /** Those of the key files that are there. They are the same for a thousand hosts: each is looked for once. */
  async existing(files: readonly string[]): Promise<readonly string[]> {
    const there = await Promise.all(files.map((file) => {
      const known = this.#files.get(file) ?? access(file).then(() => true, () => false);
      this.#files.set(file, known);
      return known;
    }));
    return files.filter((_file, i) => there[i] === true);
  }
}

async function configurationExists(): Promise<boolean> {
  const readable = await access(join(homedir(), '.ssh/config')).then(() => true, () => false);
  if (readable) return true;
  const more = await readdir('/etc/ssh/ssh_config.d').catch(() => []);
  if (more.some((name) => name.endsWith('.conf'))) return true;
  // Distributions ship a system file that says nothing of single hosts; asking for that would cost 11 ms for nothing.
  const system = await readFile('/etc/ssh/ssh_config', 'utf8').catch(() => '');
  return /^\s*(?:Match|Host(?!\s+\*\s*$)|Port|User|HostName|Proxy\w+|Identit\w+|CertificateFile|UserKnownHostsFile|GlobalKnownHostsFile|HostKeyAlias)\b/im.test(system);
}

function ask(args: readonly string[]): Promise<ConfiguredHost | undefined> {
  return new Promise((resolve, reject) => {
    execFile('ssh', [...args], { timeout: TIMEOUT_MS, encoding: 'utf8' }, (error, stdout, stderr) => {
      if (error === null) {
        resolve(parseSshG(stdout));
      } else if (error.code === 'ENOENT') {
        resolve(undefined);
      } else {
        reject(failure('ssh-config-refused', `ssh does not accept its configuration: ${stderr.trim().split('\n').at(-1) ?? error.message}`, {
          remedy: `see what it says: ssh ${args.join(' ')}`,
          cause: error,
        }));
      }
    });
  });
}

/** Reads the output of `ssh -G`: one lower-case keyword and its value a line. */
export function parseSshG(text: string): ConfiguredHost {
  const all = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const at = line.indexOf(' ');
    if (at > 0) all.set(line.slice(0, at), [...(all.get(line.slice(0, at)) ?? []), line.slice(at + 1).trim()]);
  }
  const one = (name: string): string | undefined => all.get(name)?.[0];
  const files = (name: string): string[] => (one(name) ?? '').split(/\s+/).filter((f) => f !== '' && f !== 'none' && f !== '/dev/null').map(expandHome);
  const agent = one('identityagent');
  const proxyJump = one('proxyjump');
  const proxyCommand = one('proxycommand');
  let jumps: readonly Jump[] = [];
  if (proxyJump !== undefined) jumps = parseJumps(proxyJump);
  else if (proxyCommand !== undefined) jumps = parseProxyCommand(proxyCommand);
  return {
    hostName: one('hostname') ?? '',
    user: one('user') ?? '',
    port: Number(one('port') ?? '22'),
    identityFiles: (all.get('identityfile') ?? []).filter((f) => f !== 'none').map(expandHome),
    identitiesOnly: one('identitiesonly') === 'yes',
    identityAgent: agent === undefined || agent === 'SSH_AUTH_SOCK' ? undefined : expandHome(agent),
    knownHostsFiles: [...files('userknownhostsfile'), ...files('globalknownhostsfile')],
    hostKeyAlias: one('hostkeyalias'),
    jumps,
  };
}
