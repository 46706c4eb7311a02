/** Shell for users: shadow's tools, with hashes on stdin and never in an argument list. */
import { attach, joinScripts, sh, type Script } from '../../support/shell.ts';
import { revealed, Secret } from '../../support/secret.ts';
import type { UserArgs } from './schema.ts';

/** Days since the epoch as shadow's tools take them; empty: never. */
export function expiryWord(days: number): string {
  return days < 0 ? '' : new Date(days * 86_400_000).toISOString().slice(0, 10);
}

export function setPassword(name: string, hash: string | Secret): Script {
  return sh`chpasswd -e <${attach(new Secret(`${name}:${revealed(hash)}\n`))}`;
}

export interface NewUser {
  readonly home: string;
  /** The group exists: it is used instead of a new one of the user's name. */
  readonly group: string | undefined;
  /** Supplementary groups. */
  readonly groups: readonly string[];
}

export function createUser(args: UserArgs, init: NewUser): Script {
  const options: (string | number)[] = [...(init.group === undefined ? ['--user-group'] : ['--gid', init.group]), '--home-dir', init.home, args.create_home ? '--create-home' : '--no-create-home'];
  if (args.uid !== undefined) options.push('--uid', args.uid);
  if (args.system) options.push('--system');
  if (init.groups.length > 0) options.push('--groups', init.groups.join(','));
  if (args.comment !== undefined) options.push('--comment', args.comment);
  if (args.shell !== undefined) options.push('--shell', args.shell);
  if (args.expires !== undefined && args.expires >= 0) options.push('--expiredate', expiryWord(args.expires));
  const steps = [sh`useradd ${options} -- ${args.name}`];
  if (args.password !== undefined) steps.push(setPassword(args.name, args.password));
  if (args.password_lock === true) steps.push(sh`usermod --lock -- ${args.name}`);
  return joinScripts(steps);
}

/** A home directory for a user that has none, as useradd makes it. */
export function createHome(name: string, home: string, gid: number | string): Script {
  return sh`mkdir -p -- ${home}
if [ -d /etc/skel ]; then cp -R /etc/skel/. ${home}; fi
chown -R -- ${`${name}:${String(gid)}`} ${home}
chmod 0700 ${home}`;
}
