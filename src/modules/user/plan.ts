/** Decides what to do about a user. Pure. */
import { group, user, type UserFact } from '../../host/kinds/account.ts';
import { madeDirectory } from '../../host/kinds/path-effects.ts';
import { stat } from '../../host/kinds/path.ts';
import { converge, failed, type Change, type Plan } from '../../host/plan.ts';
import { forgetKinds, forgetTree, removedTree, type AnyQuery, type Effect } from '../../host/query.ts';
import type { HostView } from '../../host/view.ts';
import { revealed, Secret } from '../../support/secret.ts';
import { joinScripts, sh, type Script } from '../../support/shell.ts';
import { lookAt } from '../common/look.ts';
import { createHome, createUser, expiryWord, setPassword } from './commands.ts';
import type { UserArgs } from './schema.ts';

export function userQueries(args: UserArgs): readonly AnyQuery[] {
  const home = args.state === 'present' && args.create_home ? [stat(args.home ?? defaultHome(args))] : [];
  return [user(args.name), group(args.name), ...home];
}

function defaultHome(args: UserArgs): string {
  return args.name === 'root' ? '/root' : `/home/${args.name}`;
}

export function planUser(args: UserArgs, host: HostView): Plan {
  const now = host.fact(user(args.name));
  if (now !== null && !now.local) return failed(`user ${args.name} comes from a directory service and cannot be changed here`);
  if (args.state === 'absent') return now === null ? converge([]) : converge([removal(args, now)]);
  if (now === null) return converge([creation(args, host)]);
  const changes: Change[] = [];
  const modified = modification(args, now, host);
  if (modified !== undefined) changes.push(modified);
  const home = args.home ?? now.home;
  const moves = args.move_home && args.home !== undefined && args.home !== now.home;
  if (args.create_home && !moves && home.startsWith('/') && !lookAt(host, home).exists) changes.push(homeCreation(args, now, home));
  return converge(changes);
}

function removal(args: UserArgs, now: UserFact): Change {
  const options = [...(args.remove ? ['--remove'] : []), ...(args.force ? ['--force'] : [])];
  const files: readonly Effect[] = args.remove ? [removedTree(now.home), forgetTree('/var/mail')] : [];
  return {
    resource: `user ${args.name}`,
    what: args.remove ? `remove, with ${now.home}` : 'remove',
    script: sh`userdel ${options} -- ${args.name}`,
    // userdel(8) takes the group of the same name along when nobody else is in it.
    effects: [...files, forgetKinds('group', 'crontab', 'tree'), user(args.name).is(null)],
  };
}

function creation(args: UserArgs, host: HostView): Change {
  const home = args.home ?? defaultHome(args);
  const ownGroup = args.group === undefined && host.fact(group(args.name)) === null;
  const primary = args.group ?? (ownGroup ? undefined : args.name);
  const numeric = primary !== undefined && /^[0-9]+$/.test(primary);
  // Being in one's own primary group is no membership to be listed.
  const groups = (args.groups ?? []).filter((name) => name !== (primary ?? args.name));
  const effects: Effect[] = [
    user(args.name).is({
      uid: args.uid,
      gid: numeric ? Number(primary) : undefined,
      group: numeric ? undefined : (primary ?? args.name),
      comment: args.comment ?? '',
      home,
      shell: args.shell,
      groups,
      password: args.password === undefined ? undefined : lockedAs(revealed(args.password), args.password_lock),
      expires: args.expires,
      local: true,
    }),
  ];
  if (ownGroup) effects.push(group(args.name).is({ gid: undefined, local: true }));
  if (args.create_home && !lookAt(host, home).exists) effects.unshift(forgetTree(home), ...madeDirectory(home, { owner: args.name }));
  const words = ['create', ...(args.uid === undefined ? [] : [`uid ${String(args.uid)}`]), ...(groups.length === 0 ? [] : [`groups ${groups.join(',')}`])];
  return { resource: `user ${args.name}`, what: words.join(', '), script: createUser(args, { home, group: primary, groups }), effects };
}

function lockedAs(hash: string, lock: boolean | undefined): Secret {
  if (lock === true && !hash.startsWith('!')) return new Secret(`!${hash}`);
  return new Secret(lock === false ? hash.replace(/^!+/, '') : hash);
}

function homeCreation(args: UserArgs, now: UserFact, home: string): Change {
  return {
    resource: `directory ${home}`,
    what: 'create, mode 0700',
    script: createHome(args.name, home, args.group ?? now.gid ?? args.name),
    effects: [forgetTree(home), ...madeDirectory(home, { mode: '0700', owner: args.name })],
  };
}

interface Edit {
  readonly what: string;
  readonly options?: readonly (string | number)[];
  readonly script?: Script;
  readonly fact: Partial<UserFact>;
}

function modification(args: UserArgs, now: UserFact, host: HostView): Change | undefined {
  const edits = [...identityEdits(args, now), ...groupEdits(args, now, host), ...passwordEdits(args, now)];
  if (edits.length === 0) return undefined;
  const options = edits.flatMap((edit) => edit.options ?? []);
  const scripts = [...(options.length === 0 ? [] : [sh`usermod ${options} -- ${args.name}`]), ...edits.flatMap((edit) => edit.script ?? [])];
  let fact: UserFact = now;
  for (const edit of edits) fact = { ...fact, ...edit.fact };
  const idChanges = fact.uid !== now.uid || fact.home !== now.home;
  const moves = args.move_home && fact.home !== now.home;
  const paths: readonly Effect[] = [...(idChanges ? [forgetKinds('stat', 'statFollow', 'fullStat', 'tree')] : []), ...(moves ? [removedTree(now.home), forgetTree(fact.home)] : [])];
  return {
    resource: `user ${args.name}`,
    what: edits.map((edit) => edit.what).join(', '),
    script: joinScripts(scripts),
    effects: [...paths, user(args.name).is(fact)],
  };
}

function identityEdits(args: UserArgs, now: UserFact): readonly Edit[] {
  const edits: Edit[] = [];
  if (args.uid !== undefined && args.uid !== now.uid) edits.push({ what: `uid ${String(now.uid ?? '?')} → ${String(args.uid)}`, options: ['--uid', args.uid], fact: { uid: args.uid } });
  if (args.comment !== undefined && args.comment !== now.comment) edits.push({ what: `comment ${now.comment ?? '?'} → ${args.comment}`, options: ['--comment', args.comment], fact: { comment: args.comment } });
  if (args.shell !== undefined && args.shell !== now.shell) edits.push({ what: `shell ${now.shell ?? '?'} → ${args.shell}`, options: ['--shell', args.shell], fact: { shell: args.shell } });
  if (args.home !== undefined && args.home !== now.home) {
    edits.push({ what: `home ${now.home} → ${args.home}`, options: ['--home', args.home, ...(args.move_home ? ['--move-home'] : [])], fact: { home: args.home } });
  }
  if (args.expires !== undefined && args.expires !== now.expires) {
    edits.push({ what: args.expires < 0 ? 'never expires' : `expires ${expiryWord(args.expires)}`, options: ['--expiredate', expiryWord(args.expires)], fact: { expires: args.expires } });
  }
  return edits;
}

function groupEdits(args: UserArgs, now: UserFact, host: HostView): readonly Edit[] {
  const edits: Edit[] = [];
  if (args.group !== undefined) {
    const numeric = /^[0-9]+$/.test(args.group);
    if (numeric ? Number(args.group) !== now.gid : args.group !== now.group) {
      const gid = numeric ? Number(args.group) : host.fact(group(args.group))?.gid;
      edits.push({ what: `group ${now.group ?? '?'} → ${args.group}`, options: ['--gid', args.group], fact: { gid, group: numeric ? undefined : args.group } });
    }
  }
  if (args.groups !== undefined) {
    const primary = args.group ?? now.group;
    const wanted = args.append ? [...new Set([...now.groups, ...args.groups])].toSorted() : args.groups;
    const missing = wanted.filter((name) => !now.groups.includes(name) && name !== primary);
    const extra = now.groups.filter((name) => !wanted.includes(name) && name !== primary);
    if (missing.length > 0 || extra.length > 0) {
      const groups = now.groups.filter((name) => !extra.includes(name)).concat(missing).toSorted();
      edits.push({ what: [...missing.map((name) => `+group ${name}`), ...extra.map((name) => `-group ${name}`)].join(', '), options: ['--groups', groups.join(',')], fact: { groups } });
    }
  }
  return edits;
}

/** As Ansible's, a lock does not count as another password. */
function passwordEdits(args: UserArgs, now: UserFact): readonly Edit[] {
  const edits: Edit[] = [];
  const field = now.password?.reveal();
  let after = field;
  if (args.password !== undefined && args.update_password === 'always') {
    const wanted = revealed(args.password);
    if (field?.replace(/^!+/, '') !== wanted.replace(/^!+/, '')) {
      after = wanted;
      edits.push({ what: 'password', script: setPassword(args.name, args.password), fact: { password: new Secret(wanted) } });
    }
  }
  const locked = after?.startsWith('!') === true;
  if (args.password_lock === true && !locked) edits.push({ what: 'lock the password', script: sh`usermod --lock -- ${args.name}`, fact: { password: after === undefined ? undefined : new Secret(`!${after}`) } });
  if (args.password_lock === false && locked) edits.push({ what: 'unlock the password', script: sh`usermod --unlock -- ${args.name}`, fact: { password: new Secret(after?.slice(1) ?? '') } });
  return edits;
}
