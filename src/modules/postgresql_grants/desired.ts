/** What a database's privileges are to be, and the changes that make them so. */
import { aclOf, PUBLIC, steps, without, type Acl, type AclStep, type Entry } from './acl.ts';
import type { Grant, GrantsArgs } from './schema.ts';
import type { Default, State, Thing } from './state.ts';

/** One object that is not as it should be. */
export interface ThingChange {
  readonly before: Thing;
  readonly after: Thing;
  readonly steps: readonly AclStep[];
}
export interface DefaultChange {
  readonly before: Default;
  readonly after: Default;
  readonly steps: readonly AclStep[];
}

/** A state as of a fresh database, for one that an earlier task of the run is about to make. */
export function freshState(db: string, owner: string): State {
  return {
    things: [
      { type: 'database', schema: '', name: db, column: '', ident: db, owner, movable: false, partition: false, acl: { [PUBLIC]: ['CONNECT', 'TEMPORARY'] } },
      { type: 'schema', schema: '', name: 'public', column: '', ident: 'public', owner: 'pg_database_owner', movable: false, partition: false, acl: { [PUBLIC]: ['USAGE'] } },
    ],
    defaults: [],
  };
}

/** The state with the schemas that are to be there and are not: without privileges, as CREATE SCHEMA leaves them. */
export function withSchemas(state: State, schemas: readonly string[], owner: string): State {
  const missing = missingSchemas(state, schemas);
  const made = missing.map((name): Thing => ({ type: 'schema', schema: '', name, column: '', ident: name, owner, movable: false, partition: false, acl: {} }));
  return { ...state, things: [...state.things, ...made] };
}

export function missingSchemas(state: State, schemas: readonly string[]): readonly string[] {
  return schemas.filter((name) => !state.things.some((t) => t.type === 'schema' && t.name === name));
}

/** Tables, sequences and functions that `grants` names and the database does not have. */
export function missingObjects(args: GrantsArgs, state: State): readonly string[] {
  const there = new Set(state.things.map((t) => `${t.type} ${t.schema}.${t.name}`));
  const named = args.grants.flatMap((g) => (g.type === 'database' || g.type === 'schema' ? [] : (g.objs ?? []).map((o) => `${g.type} ${g.schema ?? ''}.${o}`)));
  return [...new Set(named)].filter((name) => !there.has(name)).sort();
}

function concerns(grant: Grant, thing: Thing): boolean {
  if (thing.type === 'column') return grant.type === 'table' && grant.columns?.includes(thing.column) === true && grant.schema === thing.schema && grant.objs?.includes(thing.name) === true;
  if (grant.type !== thing.type || grant.columns !== undefined) return false;
  if (thing.type === 'database') return true;
  if (thing.type === 'schema') return grant.objs?.includes(thing.name) === true;
  return grant.schema === thing.schema && (grant.objs === undefined ? !thing.partition : grant.objs.includes(thing.name));
}

function wantedOwner(thing: Thing, owner: string | undefined): string {
  return owner === undefined || thing.type === 'database' || thing.type === 'schema' ? thing.owner : owner;
}

/** ALTER … OWNER makes the old owner's rights, and what it gave, the new owner's. */
function asOwnedBy(acl: Acl, owner: string): Acl {
  const given = Object.entries(acl).map(([role, items]) => [role, [...new Set(items.map((i) => (i.endsWith(`/${owner}`) ? i.slice(0, -owner.length - 1) : i)))].sort()] as const);
  return without(Object.fromEntries(given), owner);
}

export function thingChanges(args: GrantsArgs, state: State): readonly ThingChange[] {
  return state.things.flatMap((before) => {
    const owner = wantedOwner(before, args.owner);
    const entries: readonly Entry[] = args.grants.filter((g) => concerns(g, before)).map((g) => ({ role: g.role, privs: g.privs, grantOption: g.grant_option }));
    const wanted = aclOf(entries, owner);
    const found = steps(owner === before.owner ? before.acl : asOwnedBy(before.acl, owner), wanted);
    if (owner === before.owner && found.length === 0) return [];
    return [{ before, after: { ...before, owner, acl: wanted }, steps: found }];
  });
}

const keyOf = (d: { readonly creator: string; readonly schema: string; readonly type: string }): string => JSON.stringify([d.creator, d.schema, d.type]);

/** PostgreSQL gives EXECUTE on every new function to everybody, where nothing else was said. */
function builtIn(creator: string, schema: string, type: Default['type']): Default {
  return { creator, schema, type, acl: schema === '' && type === 'function' ? { [PUBLIC]: ['EXECUTE'] } : {} };
}

export function defaultChanges(args: GrantsArgs, state: State): readonly DefaultChange[] {
  const entries = new Map<string, { readonly at: Default; readonly entries: Entry[] }>();
  const place = (at: Default): { readonly entries: Entry[] } => {
    const known = entries.get(keyOf(at)) ?? { at, entries: [] };
    entries.set(keyOf(at), known);
    return known;
  };
  for (const creator of args.creators) {
    for (const type of ['table', 'sequence', 'function'] as const) place(builtIn(creator, '', type));
  }
  for (const d of state.defaults) if (args.creators.includes(d.creator)) place(d);
  for (const d of args.default_privs) {
    for (const creator of d.creators ?? args.creators) place(builtIn(creator, d.schema ?? '', d.type)).entries.push({ role: d.role, privs: d.privs, grantOption: d.grant_option });
  }
  const now = new Map(state.defaults.map((d) => [keyOf(d), d]));
  return [...entries.values()].flatMap(({ at, entries: wanted }) => {
    const before = now.get(keyOf(at)) ?? builtIn(at.creator, at.schema, at.type);
    const acl = aclOf(wanted, at.creator);
    const found = steps(before.acl, acl);
    return found.length === 0 ? [] : [{ before, after: { ...before, acl }, steps: found }];
  });
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The state once an object is as it should be. */
export function withThing(state: State, after: Thing): State {
  const same = (t: Thing): boolean => t.type === after.type && t.schema === after.schema && t.name === after.name && t.column === after.column;
  return { ...state, things: state.things.map((t) => (same(t) ? after : t)) };
}

/**
 * The state once a creator's defaults are as they should be. PostgreSQL keeps a row only for what differs from what it
 * does anyway.
 */
export function withDefault(state: State, after: Default): State {
  const rest = state.defaults.filter((d) => keyOf(d) !== keyOf(after));
  const plain = JSON.stringify(after.acl) === JSON.stringify(builtIn(after.creator, after.schema, after.type).acl);
  const all = plain ? rest : [...rest, after];
  return { ...state, defaults: [...all].sort((a, b) => order(a.creator, b.creator) || order(a.schema, b.schema) || order(a.type, b.type)) };
}
