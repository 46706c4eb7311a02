/** Access control lists as sets, and what it takes to get from one to another. */

/**
 * Privileges by who has them, `PUBLIC` for everybody. A privilege is its keyword; with `*` its holder may pass it on; with
 * `/NAME` it was given by somebody who is not the owner. Sorted, without empty lists, without the owner's own.
 */
export type Acl = Readonly<Record<string, readonly string[]>>;

export const PUBLIC = 'PUBLIC';

/** A declared right. */
export interface Entry {
  readonly role: string;
  readonly privs: readonly string[];
  readonly grantOption: boolean;
}

/** One GRANT or REVOKE, without the words for its object. */
export interface AclStep {
  readonly verb: 'grant' | 'revoke' | 'revoke grant option';
  readonly role: string;
  readonly privs: readonly string[];
  /** Whose gift is taken back; undefined: the owner's. */
  readonly by?: string;
}

interface Held {
  readonly priv: string;
  readonly grantable: boolean;
  readonly by: string | undefined;
}

function read(item: string): Held {
  const slash = item.indexOf('/');
  const word = slash === -1 ? item : item.slice(0, slash);
  const grantable = word.endsWith('*');
  return { priv: grantable ? word.slice(0, -1) : word, grantable, by: slash === -1 ? undefined : item.slice(slash + 1) };
}

/** The list that declared rights make. What the owner is given is left out: it has everything. */
export function aclOf(entries: readonly Entry[], owner: string): Acl {
  const rights = new Map<string, Map<string, boolean>>();
  for (const { role, privs, grantOption } of entries) {
    if (role === owner) continue;
    const held = rights.get(role) ?? new Map<string, boolean>();
    rights.set(role, held);
    for (const priv of privs) held.set(priv, (held.get(priv) ?? false) || grantOption);
  }
  return Object.fromEntries([...rights].sort(byName).map(([role, held]) => [role, [...held].map(([priv, grantable]) => (grantable ? `${priv}*` : priv)).sort()]));
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

/** The list without one holder: what ALTER … OWNER makes of the old owner's rights is the new owner's. */
export function without(acl: Acl, ...roles: readonly string[]): Acl {
  return Object.fromEntries(Object.entries(acl).filter(([role]) => !roles.includes(role)));
}

/**
 * Steps from one list to another. First what must go, so that a right given by a stranger can be given again by the owner.
 */
export function steps(now: Acl, wanted: Acl): readonly AclStep[] {
  const roles = [...new Set([...Object.keys(now), ...Object.keys(wanted)])].sort();
  return [...roles.flatMap((role) => losses(role, now[role] ?? [], wanted[role] ?? [])), ...roles.flatMap((role) => gains(role, now[role] ?? [], wanted[role] ?? []))];
}

function losses(role: string, now: readonly string[], wanted: readonly string[]): readonly AclStep[] {
  const keep = new Map(wanted.map(read).map((w) => [w.priv, w.grantable]));
  const held = now.map(read);
  const gone = held.filter((h) => h.by === undefined && !keep.has(h.priv)).map((h) => h.priv);
  const options = held.filter((h) => h.by === undefined && h.grantable && keep.get(h.priv) === false).map((h) => h.priv);
  const strangers = [...new Set(held.flatMap((h) => (h.by === undefined ? [] : [h.by])))].sort();
  return [
    ...strangers.map((by): AclStep => ({ verb: 'revoke', role, by, privs: held.filter((h) => h.by === by).map((h) => h.priv) })),
    ...(gone.length === 0 ? [] : [{ verb: 'revoke', role, privs: gone } as const]),
    ...(options.length === 0 ? [] : [{ verb: 'revoke grant option', role, privs: options } as const]),
  ];
}

function gains(role: string, now: readonly string[], wanted: readonly string[]): readonly AclStep[] {
  const held = now.map(read).filter((h) => h.by === undefined);
  const missing = wanted.map(read).filter((w) => !held.some((h) => h.priv === w.priv && (h.grantable || !w.grantable)));
  return [false, true].flatMap((grantable): readonly AclStep[] => {
    const privs = missing.filter((m) => m.grantable === grantable).map((m) => (grantable ? `${m.priv}*` : m.priv));
    return privs.length === 0 ? [] : [{ verb: 'grant', role, privs }];
  });
}

/** `+SELECT, UPDATE care_rw; -DELETE mallory`: for people. */
export function describeSteps(all: readonly AclStep[]): string {
  return all
    .map(({ verb, role, privs, by }) => `${verb === 'grant' ? '+' : '-'}${privs.join(', ')}${verb === 'revoke grant option' ? ' (grant option)' : ''} ${role}${by === undefined ? '' : ` (given by ${by})`}`)
    .join('; ');
}

/** A line a holder, for the diff. */
export function showAcl(acl: Acl): string {
  return Object.entries(acl).map(([role, privs]) => `${role}: ${privs.join(', ')}\n`).join('');
}
