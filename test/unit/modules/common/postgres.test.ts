import { describe, expect, test } from 'vitest';
import { Names, Qualified, splitQualified } from '../../../../src/modules/common/postgres/names.ts';
import { objectName, objectSql, showObject } from '../../../../src/modules/common/postgres/objects.ts';
import { canonicalSetting, Settings, settingSteps, splitNames } from '../../../../src/modules/common/postgres/settings.ts';
import { sql, ident } from '../../../../src/services/postgres/sql.ts';

describe('names', () => {
  test.each([['t', ['t']], ['s.t', ['s', 't']], ['"a.b"."c""d"', ['a.b', 'c"d']], ['Mixed.Case', ['Mixed', 'Case']], ['a.', undefined], ['', undefined], ['"a', undefined], ['a"b', undefined]] as const)('%s', (text, parts) => {
    expect(splitQualified(text)).toEqual(parts);
  });

  test('stand in public unless a schema is said', () => {
    expect([Qualified.parse('t'), Qualified.parse('s.t')]).toEqual([{ schema: 'public', name: 't' }, { schema: 's', name: 't' }]);
    expect(Qualified.safeParse('a.b.c').success).toBe(false);
  });

  test('lists of them', () => {
    expect([Names.parse('a, b,,a'), Names.parse(['x y'])]).toEqual([['a', 'b'], ['x y']]);
  });

  test('functions have their arguments', () => {
    const add = objectName('function', 'm.add(int:int[])');
    expect(add === undefined ? undefined : [objectSql(add).shown, showObject(add)]).toEqual(['"m"."add"(int,int[])', 'function m.add(int,int[])']);
    for (const bad of ['add', 'add(int); DROP TABLE x', "add('x')", 'a.b.add()']) expect(objectName('function', bad)).toBeUndefined();
  });
});

describe('settings', () => {
  test('lists have one way of writing', () => {
    expect(splitNames('care, "A b",public')).toEqual(['care', 'A b', 'public']);
    expect(canonicalSetting('search_path', 'care,"public", "user", "A""b"')).toBe('care, public, "user", "A""b"');
    expect(canonicalSetting('work_mem', 'a, "b"')).toBe('a, "b"');
    expect(Settings.parse({ TimeZone: 'UTC', search_path: '"$user",public' })).toEqual({ timezone: 'UTC', search_path: '"$user", public' });
  });

  test('only what differs is set, and what is not wished is reset when that is said', () => {
    const target = sql`ROLE ${ident('r')}`;
    const now = { work_mem: '1MB', search_path: 'a, b', 'pgaudit.log': 'ddl' };
    const steps = settingSteps(target, now, { work_mem: '2MB', search_path: 'a,b' }, true);
    expect(steps.statements.map((s) => s.shown)).toEqual([`ALTER ROLE "r" SET "work_mem" TO '2MB'`, 'ALTER ROLE "r" RESET "pgaudit"."log"']);
    expect(steps.after).toEqual({ work_mem: '2MB', search_path: 'a, b' });
    expect(settingSteps(target, now, { search_path: '' }, false).statements[0]?.shown).toBe(`ALTER ROLE "r" SET "search_path" TO ''`);
  });
});
