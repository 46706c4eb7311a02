import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateProject } from '../../src/run/validate-project.ts';
import { packageRoot } from '../../src/support/package-root.ts';

/** A whole site is much to read for a machine that does much else. */
const LIMIT_MS = 120_000;

describe('the inventories that come with the program', () => {
  it.each([
    ['lab', 5, 'site.yml'],
    ['single-site', 3, 'site.yml'],
    ['production', 12, 'site.yml'],
    ['vagrant', 3, 'base.yml'],
  ])('%s is sound', (name, hosts, playbook) => {
    const found = validateProject({ inventory: [path.join(packageRoot(), 'inventory', name)], playbooks: [path.join(packageRoot(), 'playbooks', playbook)], limit: undefined, extraVars: {} });
    expect(found.problems.map((p) => p.format())).toEqual([]);
    expect(found.hosts).toBe(hosts);
    expect(found.tasks).toBeGreaterThan(20);
  }, LIMIT_MS);
});
