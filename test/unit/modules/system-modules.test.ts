/** What the reference says of the system modules holds: examples fit their schemas, every argument has its text. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { modules } from '../../../src/modules/registry.ts';

const NAMES = ['alternatives', 'apt', 'apt_repository', 'authorized_key', 'cron', 'debconf', 'group', 'hostname', 'hosts_entry', 'kernel_module', 'known_hosts', 'locale', 'mount', 'package', 'service', 'sudoers', 'sysctl', 'systemd', 'systemd_unit', 'timezone', 'user'];

describe.each(NAMES)('%s', (name) => {
  const module = modules.get(name);
  if (module === undefined) throw new Error(`there is no module ${name}`);

  test.each(module.examples.map((example) => [example.title, example.yaml] as const))('example: %s', (_, yaml) => {
    const task = z.record(z.string(), z.unknown()).parse(parse(yaml));
    expect(Object.keys(task)).toEqual([name]);
    expect(() => module.prepare(task[name])).not.toThrow();
  });

  test('arguments are described, and their schema can be given to editors', () => {
    const schema = z.toJSONSchema(module.args, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
    const properties = Object.entries(schema.properties ?? {});
    expect(properties.length).toBeGreaterThan(0);
    for (const [field, property] of properties) expect(typeof property === 'object' ? property.description : undefined, field).toMatch(/\S/);
    expect(schema.additionalProperties).toBe(false);
  });
});
