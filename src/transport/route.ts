/** From a target to the hops that lead to it: inventory first, then ssh arguments, then ~/.ssh/config. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { badInput } from '../support/diagnostic.ts';
import type { Secret } from '../support/secret.ts';
import { defaultKnownHostsFiles, knownHostsName } from './known-hosts.ts';
import { expandHome, parseSshArgs, type Jump, type SshOptions } from './ssh-args.ts';
import type { SshConfig } from './ssh-config.ts';
import type { ConnectionTarget } from './types.ts';

/** Everything needed to log in to one sshd. */
export interface Hop {
  /** For messages and the `trust` command: the inventory name, or the bastion's. */
  readonly label: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Name in known_hosts. */
  readonly hostKeyName: string;
  readonly knownHostsFiles: readonly string[];
  /** Keys asked for by name; a missing one is an error only when nothing else works. */
  readonly identityFiles: readonly string[];
  /** Keys that ssh tries when they are there. */
  readonly defaultIdentityFiles: readonly string[];
  readonly identitiesOnly: boolean;
  /** Socket of the agent; undefined: none. */
  readonly agent: string | undefined;
  readonly password: Secret | undefined;
  readonly connectTimeoutSeconds: number;
}

export interface Route {
  /** In the order of travel; the first is reached by TCP from here. */
  readonly bastions: readonly Hop[];
  readonly target: Hop;
  readonly warnings: readonly string[];
}

const DEFAULT_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa'] as const;
/** `-J a,b` and configured jumps of jumps together; a loop would never end. */
const MOST_HOPS = 8;

/**
 * @throws Diagnostic `bad-input` for arguments that are not understood or a chain of bastions without end
 */
export async function resolveRoute(target: ConnectionTarget, config: SshConfig): Promise<Route> {
  const args = parseSshArgs(target.sshArgs);
  const explicitPort = target.port === 22 || target.port === 0 ? undefined : target.port;
  const asked = {
    label: target.name,
    host: args.hostName ?? target.address,
    user: target.user ?? args.user,
    port: explicitPort ?? args.port,
    identityFiles: [...(target.privateKeyFile === undefined ? [] : [expandHome(target.privateKeyFile)]), ...args.identityFiles],
    options: args,
    password: target.password,
    timeout: args.connectTimeoutSeconds ?? target.connectTimeoutSeconds,
    knownHostsFiles: target.knownHostsFiles ?? args.knownHostsFiles,
    configFile: args.configFile,
  };
  const bastions: Hop[] = [];
  const { hop, jumps } = await resolveHop(asked, config);

  // Jumps given for the target apply to it alone; a bastion may have jumps of its own in the configuration.
  const travel = async (list: readonly Jump[], depth: number): Promise<void> => {
    for (const [index, jump] of list.entries()) {
      if (depth + bastions.length >= MOST_HOPS) {
        throw badInput('too-many-bastions', `${target.name}: more than ${String(MOST_HOPS)} bastions on the way; do their ProxyJump settings lead in a circle?`);
      }
      const resolved = await resolveHop({
        label: jump.host,
        host: jump.options.hostName ?? jump.host,
        user: jump.user,
        port: jump.port,
        // ssh would not take the target's key for its bastion; offering it costs nothing and saves an agent.
        identityFiles: [...jump.options.identityFiles, ...asked.identityFiles],
        options: jump.options,
        password: undefined,
        timeout: asked.timeout,
        knownHostsFiles: jump.options.knownHostsFiles ?? asked.knownHostsFiles,
        configFile: jump.options.configFile ?? asked.configFile,
      }, config);
      if (index === 0) await travel(resolved.jumps, depth + 1);
      bastions.push(resolved.hop);
    }
  };
  await travel(jumps, 0);
  return { bastions, target: hop, warnings: args.warnings };
}

interface AskedHop {
  readonly label: string;
  readonly host: string;
  readonly user: string | undefined;
  readonly port: number | undefined;
  readonly identityFiles: readonly string[];
  readonly options: SshOptions;
  readonly password: Secret | undefined;
  readonly timeout: number;
  readonly knownHostsFiles: readonly string[] | undefined;
  readonly configFile: string | undefined;
}

async function resolveHop(asked: AskedHop, config: SshConfig): Promise<{ readonly hop: Hop; readonly jumps: readonly Jump[] }> {
  const { options } = asked;
  const configured = await config.lookup(asked.host, asked.user, asked.port, asked.configFile);
  const host = options.hostName ?? (configured === undefined || configured.hostName === '' ? asked.host : configured.hostName);
  const port = asked.port ?? configured?.port ?? 22;
  const alias = options.hostKeyAlias ?? configured?.hostKeyAlias;
  const ownDefaults = DEFAULT_KEYS.map((name) => join(homedir(), '.ssh', name));
  const agent = options.identityAgent ?? configured?.identityAgent ?? process.env['SSH_AUTH_SOCK'];
  return {
    hop: {
      label: asked.label,
      host,
      port,
      user: asked.user ?? (configured === undefined || configured.user === '' ? userInfo().username : configured.user),
      hostKeyName: alias === undefined ? knownHostsName(host, port) : alias.toLowerCase(),
      knownHostsFiles: asked.knownHostsFiles?.map(expandHome) ?? configured?.knownHostsFiles ?? defaultKnownHostsFiles(),
      identityFiles: asked.identityFiles,
      defaultIdentityFiles: await config.existing(configured === undefined ? ownDefaults : configured.identityFiles),
      identitiesOnly: options.identitiesOnly ?? configured?.identitiesOnly ?? false,
      agent: agent === undefined || agent === '' || agent === 'none' || agent === 'SSH_AUTH_SOCK' ? (agent === 'SSH_AUTH_SOCK' ? process.env['SSH_AUTH_SOCK'] : undefined) : expandHome(agent),
      password: asked.password,
      connectTimeoutSeconds: asked.timeout,
    },
    jumps: options.jumps ?? configured?.jumps ?? [],
  };
}
