/**
 * A handler may run before the tasks of its role: one that a run which was cut off still owes runs at the next flush, whoever's that is. So what
 * tasks register or set is asked for in a handler's `when` only after whether it is there.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { isMap } from '../../../src/support/value.ts';
import { packageRoot } from '../../../src/support/package-root.ts';

const roles = path.join(packageRoot(), 'roles');

/** What tasks of a role register, or set as facts. */
function told(role: string): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, each] of Object.entries(value)) {
        if (key === 'register' && typeof each === 'string') names.add(each);
        else if (key === 'set_fact' && isMap(each)) Object.keys(each).forEach((name) => names.add(name));
        else visit(each);
      }
    }
  };
  for (const file of globSync('{tasks/**/*,handlers}.yml', { cwd: path.join(roles, role) })) visit(parse(readFileSync(path.join(roles, role, file), 'utf8')));
  return names;
}

/** `role, handler: name` for each name that is not asked for. */
function unguarded(role: string): readonly string[] {
  const file = path.join(roles, role, 'handlers.yml');
  if (!existsSync(file)) return [];
  const handlers = parse(readFileSync(file, 'utf8')) as readonly { readonly name: string; readonly when?: string | readonly string[] }[];
  const names = told(role);
  return handlers.flatMap(({ name, when }) => {
    const text = when === undefined ? '' : [when].flat().join(' && ');
    const used = [...names].filter((each) => new RegExp(`(?<![\\w.])${each}(?!\\w)`).test(text));
    return used.filter((each) => !text.includes(`defined(${each})`)).map((each) => `${role}, ${name}: ${each}`);
  });
}

test('no handler takes for granted what tasks of its role tell', () => {
  const all = globSync('*/handlers.yml', { cwd: roles }).map((file) => path.dirname(file));
  expect(all.length).toBeGreaterThan(10);
  expect(all.flatMap(unguarded)).toEqual([]);
});
