/** `ansible_ssh_common_args` and its kin: the options of ssh(1) that mean something here. */
import { homedir } from 'node:os';
import { badInput, type Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';

/** A host on the way, as `-J` names it. */
export interface Jump {
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  /** Options given for this hop (`ProxyCommand="ssh -i key … bastion"`). */
  readonly options: SshOptions;
}

/** Undefined or empty: not given. */
export interface SshOptions {
  readonly hostName?: string;
  readonly port?: number;
  readonly user?: string;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly?: boolean;
  readonly identityAgent?: string;
  readonly connectTimeoutSeconds?: number;
  readonly knownHostsFiles?: readonly string[];
  readonly hostKeyAlias?: string;
  /** In order from here; `[]`: explicitly none. */
  readonly jumps?: readonly Jump[];
  readonly configFile?: string;
  /** What was asked for and is not done, in words. */
  readonly warnings: readonly string[];
}

type Draft = { -readonly [K in keyof SshOptions]: SshOptions[K] } & { identityFiles: string[]; warnings: string[] };

/** Options that change nothing here: this program keeps one connection, checks keys and asks nothing in its own way. */
const WITHOUT_EFFECT = [
  'AddKeysToAgent', 'BatchMode', 'CheckHostIP', 'ConnectionAttempts', 'ControlMaster', 'ControlPath', 'ControlPersist', 'Compression', 'EscapeChar',
  'ForwardX11', 'GSSAPIAuthentication', 'HashKnownHosts', 'KbdInteractiveAuthentication', 'LogLevel', 'NumberOfPasswordPrompts',
  'PasswordAuthentication', 'PreferredAuthentications', 'PubkeyAuthentication', 'RequestTTY', 'SendEnv', 'ServerAliveCountMax',
  'ServerAliveInterval', 'TCPKeepAlive', 'UpdateHostKeys', 'VisualHostKey',
] as const;
const WITH_EFFECT = [
  'ConnectTimeout', 'ForwardAgent', 'GlobalKnownHostsFile', 'HostKeyAlias', 'HostName', 'IdentitiesOnly', 'IdentityAgent', 'IdentityFile', 'Port', 'ProxyCommand',
  'ProxyJump', 'StrictHostKeyChecking', 'User', 'UserKnownHostsFile',
] as const;
const SILENT_FLAGS = new Set(['-C', '-q', '-v', '-vv', '-vvv', '-x', '-X', '-T', '-n', '-4', '-6', '-a', '-k']);

/**
 * Reads the words of ssh arguments. The first value of an option counts, as in ssh_config(5).
 *
 * @throws Diagnostic naming the option that is not understood
 */
export function parseSshArgs(words: readonly string[]): SshOptions {
  const draft: Draft = { identityFiles: [], warnings: [] };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (SILENT_FLAGS.has(word)) continue;
    const flag = word.slice(0, 2);
    const value = (): string => {
      const given = word.length > 2 ? word.slice(2) : rest.shift();
      if (given === undefined) throw badInput('bad-ssh-arguments', `the SSH argument ${flag} lacks its value`);
      return given;
    };
    switch (flag) {
      case '-o': setOption(draft, ...splitOption(value())); break;
      case '-J': setOption(draft, 'ProxyJump', value()); break;
      case '-i': setOption(draft, 'IdentityFile', value()); break;
      case '-p': setOption(draft, 'Port', value()); break;
      case '-l': setOption(draft, 'User', value()); break;
      case '-F': draft.configFile ??= expandHome(value()); break;
      case '-A': setOption(draft, 'ForwardAgent', 'yes'); break;
      default:
        throw badInput('unknown-ssh-argument', `the SSH argument ${word} is not supported`, {
          detail: 'Supported are -o -J -i -p -l -F, and flags that change nothing here (-C -q -v -x -T -4 -6).',
          remedy: 'take it out of ansible_ssh_common_args or ansible_ssh_extra_args',
        });
    }
  }
  return draft;
}

function splitOption(text: string): [string, string] {
  const match = /^\s*([A-Za-z0-9]+)\s*(?:=\s*|\s+)(.*)$/s.exec(text);
  const [, name, value] = match ?? [];
  if (name === undefined || value === undefined) throw badInput('bad-ssh-arguments', `the SSH option ${JSON.stringify(text)} is not of the form Name=value`);
  return [name, value.trim().replace(/^"(.*)"$/s, '$1')];
}

function setOption(draft: Draft, name: string, value: string): void {
  switch (name.toLowerCase()) {
    case 'port': draft.port ??= portNumber(value); return;
    case 'user': draft.user ??= value; return;
    case 'hostname': draft.hostName ??= value; return;
    case 'identityfile': if (value.toLowerCase() !== 'none') draft.identityFiles.push(expandHome(value)); return;
    case 'identitiesonly': draft.identitiesOnly ??= isYes(name, value); return;
    case 'identityagent': draft.identityAgent ??= value; return;
    case 'connecttimeout': draft.connectTimeoutSeconds ??= seconds(value); return;
    case 'hostkeyalias': draft.hostKeyAlias ??= value; return;
    case 'userknownhostsfile':
    case 'globalknownhostsfile': setKnownHosts(draft, name, value); return;
    case 'proxyjump': draft.jumps ??= parseJumps(value); return;
    case 'proxycommand': draft.jumps ??= parseProxyCommand(value); return;
    case 'stricthostkeychecking':
      if (!['yes', 'ask', 'true'].includes(value.toLowerCase())) draft.warnings.push(`StrictHostKeyChecking=${value} is not honoured: host keys are always verified (first contact: care-provision trust INVENTORY HOST)`);
      return;
    case 'forwardagent':
      if (isYes(name, value)) throw unsupported('ForwardAgent', 'forwarding the agent would lend your keys to every administrator of the host');
      return;
    default:
      if (WITHOUT_EFFECT.some((known) => known.toLowerCase() === name.toLowerCase())) return;
      throw badInput('unknown-ssh-option', `the SSH option ${name} is not supported`, {
        detail: suggestion(name, [...WITH_EFFECT, ...WITHOUT_EFFECT]) ?? `Supported are ${WITH_EFFECT.join(', ')}.`,
        remedy: 'take it out of ansible_ssh_common_args or ansible_ssh_extra_args',
      });
  }
}

function unsupported(option: string, why: string): Diagnostic {
  return badInput('unsupported-ssh-option', `the SSH option ${option} is not supported: ${why}`);
}

function setKnownHosts(draft: Draft, name: string, value: string): void {
  const files = value.split(/\s+/).filter((f) => f !== '' && f.toLowerCase() !== 'none').map(expandHome);
  if (files.includes('/dev/null')) {
    draft.warnings.push(`${name}=/dev/null is not honoured: host keys are always verified`);
    return;
  }
  draft.knownHostsFiles = [...(draft.knownHostsFiles ?? []), ...files];
}

/** `[user@]host[:port]`, several with commas; `ssh://` form and `[v6]:port` as ssh(1) takes them; `none`. */
export function parseJumps(text: string): readonly Jump[] {
  if (text.toLowerCase() === 'none') return [];
  return text.split(',').map((part) => {
    const match = /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(\[[^\]\s]+\]|[^\s:@[\]]+)(?::(\d+))?\/?$/.exec(part.trim());
    const [, user, host, port] = match ?? [];
    if (host === undefined) throw badInput('bad-proxy-jump', `ProxyJump: ${JSON.stringify(part)} is not of the form user@host:port`);
    return { host: host.replace(/^\[(.*)\]$/, '$1'), user, port: port === undefined ? undefined : portNumber(port), options: { identityFiles: [], warnings: [] } };
  });
}

/** Only the one command that stands for a jump is understood: `ssh -W %h:%p [options] bastion`. */
export function parseProxyCommand(command: string): readonly Jump[] {
  if (command.toLowerCase() === 'none') return [];
  const words = splitWords(command);
  const refuse = (why: string): Diagnostic => badInput('unsupported-proxy-command', `ProxyCommand ${JSON.stringify(command)} is not supported: ${why}`, {
    remedy: 'write it as -J user@bastion:port, or as ProxyCommand="ssh -W %h:%p user@bastion"',
  });
  if (words.shift()?.replace(/^.*\//, '') !== 'ssh') throw refuse('only ssh -W is');
  let forwards = false;
  const options: string[] = [];
  const names: string[] = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word.startsWith('-W')) {
      const to = word.length > 2 ? word.slice(2) : words.shift();
      if (to !== '%h:%p' && to !== '[%h]:%p') throw refuse('it forwards to something else than %h:%p');
      forwards = true;
    } else if (word.startsWith('-')) {
      options.push(word);
      if (/^-[oJiplF]$/.test(word)) options.push(words.shift() ?? '');
    } else names.push(word);
  }
  const [name] = names;
  if (!forwards || name === undefined || names.length !== 1) throw refuse('it is not one host with -W %h:%p');
  const parsed = parseSshArgs(options);
  const [jump] = parseJumps(name);
  if (jump === undefined) throw refuse('it names no host');
  return [...(parsed.jumps ?? []), { host: jump.host, user: jump.user ?? parsed.user, port: jump.port ?? parsed.port, options: parsed }];
}

/** Words as sh splits them, quotes respected; enough for a ProxyCommand. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"']|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(match[0].replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_all, double: string | undefined, single: string | undefined) => double?.replaceAll(/\\(.)/g, '$1') ?? single ?? ''));
  }
  return words;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw badInput('bad-port', `${JSON.stringify(text)} is not a port (1 to 65535)`);
  return port;
}

function seconds(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw badInput('bad-connect-timeout', `ConnectTimeout=${text} is not a number of seconds`);
  return Number(text);
}

function isYes(name: string, value: string): boolean {
  const word = value.toLowerCase();
  if (word === 'yes' || word === 'true') return true;
  if (word === 'no' || word === 'false') return false;
  throw badInput('bad-ssh-arguments', `${name}=${value}: expected yes or no`);
}

export function expandHome(path: string): string {
  if (path === '~' || path.startsWith('~/')) return homedir() + path.slice(1);
  return path.startsWith('%d/') ? homedir() + path.slice(2) : path;
}
