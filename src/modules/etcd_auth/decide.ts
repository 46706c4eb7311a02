/** What is to be done about users, roles and authentication, from what etcd says. Pure. */
import { revealed, Secret } from '../../support/secret.ts';
import { attach, joinScripts, sh, type Script } from '../../support/shell.ts';
import { permission, type EtcdAuthFact } from './query.ts';
import type { EtcdAuthArgs, Grant, User } from './schema.ts';

/** One change: what it is about, what makes it so (`care_ctl` is etcdctl as root), and what is known then. */
export interface Edit {
  readonly resource: string;
  readonly what: string;
  readonly script: Script;
  readonly after: EtcdAuthFact;
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');

/** A prefix is the range up to the key with its last byte raised by one (etcd's API, "Key ranges"). */
function granted(grant: Grant): string {
  const end = Buffer.from(grant.prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return permission(grant.permission, base64(grant.prefix), base64(end));
}

const wantedGrants = (user: User): readonly string[] => user.grants.map(granted).sort();

/** Key and end of the range of a permission, as etcdctl takes them. */
function words(text: string): readonly string[] {
  return text.split(' ').slice(1).map((part) => Buffer.from(part, 'base64').toString('utf8'));
}

/** A permission in words, for messages. */
function told(text: string): string {
  const [kind = '', key = '', end = ''] = text.split(' ');
  return `${kind} ${Buffer.from(key, 'base64').toString('utf8')}${end === '' ? '' : '…'}`;
}

const withUser = (fact: EtcdAuthFact, name: string, roles: readonly string[]): EtcdAuthFact => ({ ...fact, users: { ...fact.users, [name]: roles } });
const without = <T>(map: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> => Object.fromEntries(Object.entries(map).filter(([n]) => n !== name));

function rootEdit(fact: EtcdAuthFact): Edit | undefined {
  if (fact.users['root']?.includes('root') === true) return undefined;
  const script = joinScripts([
    ...('root' in fact.users ? [] : [sh`care_ctl user add root --no-password`]),
    ...('root' in fact.roles ? [] : [sh`care_ctl role add root`]),
    sh`care_ctl user grant-role root root`,
  ]);
  const after = withUser(fact, 'root', [...(fact.users['root'] ?? []), 'root'].sort());
  return { resource: 'etcd user root', what: 'root' in fact.users ? 'role root' : 'create, without a password', script, after: { ...after, roles: { ...fact.roles, root: fact.roles['root'] ?? [] } } };
}

function roleEdit(user: User, fact: EtcdAuthFact): Edit | undefined {
  const now = fact.roles[user.name];
  const wanted = wantedGrants(user);
  const missing = wanted.filter((p) => now?.includes(p) !== true);
  const extra = (now ?? []).filter((p) => !wanted.includes(p));
  if (now !== undefined && missing.length === 0 && extra.length === 0) return undefined;
  // A range to the end of all keys and its like have bytes that no word can hold: the role is made anew then.
  const anew = extra.some((p) => words(p).some((word) => !/^[\x21-\x7e]+$/.test(word)));
  const holders = Object.entries(fact.users).flatMap(([name, roles]) => (anew && roles.includes(user.name) ? [name] : []));
  const script = joinScripts([
    ...(anew ? [sh`care_ctl role delete ${user.name}`] : extra.map((p) => sh`care_ctl role revoke-permission ${user.name} -- ${words(p)}`)),
    ...(now === undefined || anew ? [sh`care_ctl role add ${user.name}`] : []),
    ...(anew ? wanted : missing).map((p) => sh`care_ctl role grant-permission ${user.name} ${p.split(' ')[0] ?? ''} -- ${words(p)}`),
    ...holders.map((name) => sh`care_ctl user grant-role ${name} ${user.name}`),
  ]);
  const what = [...(now === undefined ? ['create'] : []), ...extra.map((p) => `no ${told(p)}`), ...missing.map(told)].join(', ');
  return { resource: `etcd role ${user.name}`, what, script, after: { ...fact, roles: { ...fact.roles, [user.name]: wanted } } };
}

function setPassword(user: User, verb: 'add' | 'passwd'): Script {
  if (user.password === undefined) return sh`care_ctl user add ${user.name} --no-password`;
  return sh`care_secret user ${verb} ${user.name} --interactive=false <${attach(Secret.derived(`${revealed(user.password)}\n`))}`;
}

function userEdit(user: User, fact: EtcdAuthFact): Edit | undefined {
  const now = fact.users[user.name];
  const wrong = now !== undefined && fact.passwords[user.name] === false;
  const extra = (now ?? []).filter((r) => r !== user.name);
  const missing = now?.includes(user.name) !== true;
  if (now !== undefined && !wrong && extra.length === 0 && !missing) return undefined;
  const script = joinScripts([
    ...(now === undefined ? [setPassword(user, 'add')] : wrong ? [setPassword(user, 'passwd')] : []),
    ...extra.map((r) => sh`care_ctl user revoke-role ${user.name} ${r}`),
    ...(missing ? [sh`care_ctl user grant-role ${user.name} ${user.name}`] : []),
  ]);
  const what = [...(now === undefined ? ['create'] : []), ...(wrong ? ['password'] : []), ...extra.map((r) => `no role ${r}`), ...(missing && now !== undefined ? [`role ${user.name}`] : [])].join(', ');
  const after = withUser(fact, user.name, [user.name]);
  return { resource: `etcd user ${user.name}`, what, script, after: fact.enabled && user.password !== undefined ? { ...after, passwords: { ...fact.passwords, [user.name]: true } } : after };
}

function removals(args: EtcdAuthArgs, fact: EtcdAuthFact): readonly Edit[] {
  const listed = new Set(['root', ...args.users.map((u) => u.name)]);
  const edits: Edit[] = [];
  let known = fact;
  for (const name of Object.keys(fact.users).filter((n) => !listed.has(n))) {
    known = { ...known, users: without(known.users, name) };
    edits.push({ resource: `etcd user ${name}`, what: 'delete: it is not listed', script: sh`care_ctl user delete -- ${name}`, after: known });
  }
  for (const name of Object.keys(fact.roles).filter((n) => !listed.has(n))) {
    // Users that had it have lost it with the role.
    known = { ...known, roles: without(known.roles, name), users: Object.fromEntries(Object.entries(known.users).map(([n, roles]) => [n, roles.filter((r) => r !== name)])) };
    edits.push({ resource: `etcd role ${name}`, what: 'delete: it is not listed', script: sh`care_ctl role delete -- ${name}`, after: known });
  }
  return edits;
}

function switchEdit(args: EtcdAuthArgs, fact: EtcdAuthFact): Edit | undefined {
  if (args.enabled === fact.enabled) return undefined;
  const resource = 'etcd authentication';
  if (!args.enabled) return { resource, what: 'disable', script: sh`care_ctl auth disable`, after: { ...fact, enabled: false, passwords: {} } };
  const known = args.users.filter((u) => u.password !== undefined);
  const script = joinScripts([
    // While it was off, nobody could tell whether they were right.
    ...known.map((u) => setPassword(u, 'passwd')),
    sh`care_ctl auth enable`,
    sh`care_ctl endpoint health >/dev/null`,
  ]);
  return { resource, what: 'enable', script, after: { ...fact, enabled: true, passwords: Object.fromEntries(known.map((u) => [u.name, true])) } };
}

/** All that is to be made, in order, each on top of what comes before. Authentication is switched on last and off first. */
export function edits(args: EtcdAuthArgs, fact: EtcdAuthFact): readonly Edit[] {
  const list: Edit[] = [];
  let known = fact;
  const add = (edit: Edit | undefined): void => {
    if (edit === undefined) return;
    list.push(edit);
    known = edit.after;
  };
  if (!args.enabled) add(switchEdit(args, known));
  if (!args.enabled && args.users.length === 0) return list;
  add(rootEdit(known));
  for (const user of args.users) {
    add(roleEdit(user, known));
    add(userEdit(user, known));
  }
  for (const edit of removals(args, known)) add(edit);
  add(switchEdit(args, known));
  return list;
}
