/** Decisions of postgresql_grants: from what is declared and what a database says to statements. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { aclOf, describeSteps, steps } from '../../../../src/modules/postgresql_grants/acl.ts';
import { defaultChanges, freshState, missingObjects, thingChanges, withDefault, withSchemas, withThing } from '../../../../src/modules/postgresql_grants/desired.ts';
import { holds } from '../../../../src/modules/postgresql_grants/query.ts';
import { grantsShape } from '../../../../src/modules/postgresql_grants/schema.ts';
import { defaultStatements, thingStatements } from '../../../../src/modules/postgresql_grants/sql.ts';
import type { State, Thing } from '../../../../src/modules/postgresql_grants/state.ts';

const Args = z.strictObject(grantsShape);
const table = (name: string, init: Partial<Thing> = {}): Thing => ({ type: 'table', schema: 'public', name, column: '', ident: `public.${name}`, owner: 'care_owner', movable: true, partition: false, acl: {}, ...init });
const state = (...things: Thing[]): State => ({ things, defaults: [] });
const statementsOf = (args: z.input<typeof Args>, now: State): readonly string[] => thingChanges(Args.parse(args), now).flatMap(thingStatements).filter((s) => !s.startsWith('SET LOCAL lock'));

describe('access control lists', () => {
  it('gives, takes back and leaves what is right', () => {
    expect(describeSteps(steps({ a: ['SELECT'], b: ['DELETE', 'SELECT'] }, { a: ['SELECT'], b: ['SELECT', 'UPDATE'], c: ['INSERT'] }))).toBe('-DELETE b; +UPDATE b; +INSERT c');
    expect(steps({ a: ['SELECT'] }, { a: ['SELECT'] })).toEqual([]);
  });

  it('tells a right that may be passed on from one that may not', () => {
    expect(describeSteps(steps({ a: ['SELECT*'] }, { a: ['SELECT'] }))).toBe('-SELECT (grant option) a');
    expect(describeSteps(steps({ a: ['SELECT'] }, { a: ['SELECT*'] }))).toBe('+SELECT* a');
  });

  it('takes a stranger\'s gift back and gives it in the owner\'s name', () => {
    expect(describeSteps(steps({ a: ['SELECT/mallory'] }, { a: ['SELECT'] }))).toBe('-SELECT a (given by mallory); +SELECT a');
    expect(describeSteps(steps({ a: ['SELECT', 'SELECT/mallory'] }, { a: ['SELECT'] }))).toBe('-SELECT a (given by mallory)');
  });

  it('has nothing to say of the owner', () => {
    expect(aclOf([{ role: 'o', privs: ['SELECT'], grantOption: false }, { role: 'r', privs: ['UPDATE', 'SELECT'], grantOption: false }], 'o')).toEqual({ r: ['SELECT', 'UPDATE'] });
  });
});

describe('objects', () => {
  it('revokes from PUBLIC what a fresh database gives', () => {
    const args = { owner: 'care_owner', schemas: ['public', 'audit'], grants: [{ role: 'care_ro', type: 'database' as const, privs: ['CONNECT' as const] }, { role: 'care_ro', type: 'schema' as const, objs: ['audit'], privs: ['USAGE' as const] }] };
    expect(statementsOf(args, withSchemas(freshState('care', 'care_owner'), args.schemas, 'care_owner'))).toEqual([
      'REVOKE CONNECT, TEMPORARY ON DATABASE care FROM PUBLIC CASCADE',
      'GRANT CONNECT ON DATABASE care TO "care_ro"',
      'REVOKE USAGE ON SCHEMA public FROM PUBLIC CASCADE',
      'GRANT USAGE ON SCHEMA audit TO "care_ro"',
    ]);
  });

  it('finds a privilege given by hand, on a table and on a column', () => {
    const now = state(table('patient', { acl: { care_ro: ['SELECT'], mallory: ['SELECT'] } }), { ...table('patient', { acl: { mallory: ['UPDATE'] } }), type: 'column', column: 'na"me', movable: false });
    expect(statementsOf({ schemas: ['public'], grants: [{ role: 'care_ro', type: 'table', schema: 'public', privs: ['SELECT'] }] }, now)).toEqual([
      'REVOKE SELECT ON TABLE public.patient FROM "mallory" CASCADE',
      'REVOKE UPDATE ("na""me") ON TABLE public.patient FROM "mallory" CASCADE',
    ]);
  });

  it('gives what it finds to the owner, and takes the old owner\'s rights for the new one\'s', () => {
    const now = state(table('t', { owner: 'care_migrate', acl: { care_owner: ['SELECT'], care_ro: ['SELECT/care_owner'] } }));
    expect(statementsOf({ owner: 'care_owner', schemas: ['public'], grants: [{ role: 'care_ro', type: 'table', schema: 'public', privs: ['SELECT'] }] }, now)).toEqual(['ALTER TABLE public.t OWNER TO "care_owner"']);
  });

  it('limits a grant to the named tables', () => {
    const args = Args.parse({ schemas: ['public'], grants: [{ role: 'auditor', type: 'table', schema: 'public', objs: ['patient', 'nope'], privs: ['SELECT'] }] });
    expect(thingChanges(args, state(table('patient'), table('other'))).map((c) => c.before.name)).toEqual(['patient']);
    expect(missingObjects(args, state(table('patient')))).toEqual(['table public.nope']);
  });

  it('leaves partitions to their parent', () => {
    const args = Args.parse({ schemas: ['public'], grants: [{ role: 'care_ro', type: 'table', schema: 'public', privs: ['SELECT'] }] });
    expect(thingChanges(args, state(table('p1', { partition: true }), table('p2', { partition: true, acl: { care_ro: ['SELECT'] } }))).flatMap(thingStatements).slice(1)).toEqual(['REVOKE SELECT ON TABLE public.p2 FROM "care_ro" CASCADE']);
  });

  it('acts as a stranger to take its gift back', () => {
    expect(statementsOf({ schemas: ['public'] }, state(table('t', { acl: { a: ['SELECT/b'] } })))).toEqual(['SET LOCAL ROLE "b"', 'REVOKE SELECT ON TABLE public.t FROM "a" CASCADE', 'RESET ROLE']);
  });

  it('has nothing to do afterwards', () => {
    const args = Args.parse({ owner: 'care_owner', schemas: ['public'], grants: [{ role: 'care_ro', type: 'table', schema: 'public', privs: ['SELECT'] }] });
    const before = state(table('a', { owner: 'x' }), table('b', { acl: { c: ['UPDATE*'] } }));
    const after = thingChanges(args, before).reduce((now, change) => withThing(now, change.after), before);
    expect(after).not.toEqual(before);
    expect(thingChanges(args, after)).toEqual([]);
  });
});

describe('confirming', () => {
  const column = (acl: Thing['acl']): Thing => ({ ...table('t'), type: 'column', column: 'a', movable: false, acl });

  it('does not mind what later tasks made, and columns that are not listed any more', () => {
    expect(holds(state(table('t'), column({})), state(table('t'), table('u')))).toBe(true);
  });

  it('minds a privilege that is there or missing', () => {
    expect(holds(state(table('t')), state(table('t', { acl: { a: ['SELECT'] } })))).toBe(false);
    expect(holds(state(column({ a: ['SELECT'] })), state())).toBe(false);
  });
});

describe('default privileges', () => {
  const declared = { schemas: [], creators: ['care_owner'], default_privs: [{ creators: ['care_owner'], schema: 'public', role: 'care_ro', type: 'table' as const, privs: ['SELECT' as const] }] };

  it('takes EXECUTE on new functions from everybody, and gives what is declared', () => {
    expect(defaultChanges(Args.parse(declared), state()).flatMap(defaultStatements).sort()).toEqual([
      'ALTER DEFAULT PRIVILEGES FOR ROLE "care_owner" IN SCHEMA "public" GRANT SELECT ON TABLES TO "care_ro"',
      'ALTER DEFAULT PRIVILEGES FOR ROLE "care_owner" REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC CASCADE',
    ]);
  });

  it('takes back what nobody declared, of the creators only', () => {
    const now: State = { things: [], defaults: [{ creator: 'care_owner', schema: '', type: 'function', acl: {} }, { creator: 'care_owner', schema: 'public', type: 'table', acl: { care_ro: ['SELECT'], mallory: ['DELETE'] } }, { creator: 'other', schema: '', type: 'table', acl: { x: ['SELECT'] } }] };
    expect(defaultChanges(Args.parse(declared), now).flatMap(defaultStatements)).toEqual(['ALTER DEFAULT PRIVILEGES FOR ROLE "care_owner" IN SCHEMA "public" REVOKE DELETE ON TABLES FROM "mallory" CASCADE']);
  });

  it('has nothing to do afterwards', () => {
    const args = Args.parse(declared);
    const after = defaultChanges(args, state()).reduce((now, change) => withDefault(now, change.after), state());
    expect(after.defaults).toHaveLength(2);
    expect(defaultChanges(args, after)).toEqual([]);
  });
});

describe('arguments', () => {
  it.each([
    [{ role: 'a', type: 'schema', objs: ['s'], privs: ['SELECT'] }],
    [{ role: 'a', type: 'table', privs: ['SELECT'] }],
    [{ role: 'a', type: 'table', schema: 's', privs: [] }],
    [{ role: 'a', type: 'table', schema: 's', objs: ['t'], columns: ['c'], privs: ['DELETE'] }],
    [{ role: 'a', type: 'schema', privs: ['USAGE'] }],
  ])('refuses %j', (grant) => {
    expect(Args.safeParse({ schemas: ['s'], grants: [grant] }).success).toBe(false);
  });
});
