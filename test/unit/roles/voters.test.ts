/** Members of etcd and of the raft, and control planes, in sites: refused by validate, at the group. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateProject } from '../../../src/run/validate-project.ts';

/** @param sites of hosts h1, h2 … */
function problems(role: string, group: string, vars: Readonly<Record<string, unknown>>, sites: readonly string[]): readonly string[] {
  const dir = mkdtempSync(path.join(tmpdir(), 'care-voters-'));
  try {
    const hosts = sites.map((site, i) => `      h${String(i + 1)}: {ansible_host: 192.0.2.${String(i + 1)}, site: ${site}}`);
    writeFileSync(path.join(dir, 'i.yml'), ['all:', `  vars: ${JSON.stringify(vars)}`, '  children:', `    ${group}:`, '      hosts:', ...hosts.map((line) => `  ${line}`), ''].join('\n'));
    writeFileSync(path.join(dir, 'p.yml'), role === 'kubernetes' ? `- {hosts: ${group}, tasks: [{include_role: {name: kubernetes, tasks_from: inventory}}]}\n` : `- {hosts: ${group}, roles: [${role}]}\n`);
    return validateProject({ inventory: [path.join(dir, 'i.yml')], playbooks: [path.join(dir, 'p.yml')], limit: undefined, extraVars: {} }).problems.map((each) => each.format()).filter((text) => /majority|even number/.test(text));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const kubernetes = { kubernetes_geo_ha: 'required', kubernetes_encryption_keys: [] };

describe('voters in sites', () => {
  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ['etcd', 'etcd', { etcd_geo_ha: 'required' }], ['vault', 'vault', { vault_geo_ha: 'required' }], ['kubernetes', 'kube_control_plane', kubernetes],
  ])('of role %s: a majority in one site is refused, naming the hosts, where the group is written', (role, group, vars) => {
    const [one, ...more] = problems(role, group, vars, ['kochi', 'kochi', 'delhi']);
    expect(more).toEqual([]);
    expect(one).toMatch(/i\.yml:4:5: .*site kochi has 2 of 3 .*\(h1, h2\)/);
    expect(problems(role, group, vars, ['kochi', 'delhi', 'pune'])).toEqual([]);
  });

  it.each<[string, string, Readonly<Record<string, unknown>>]>([['etcd', 'etcd', { etcd_geo_ha: 'required' }], ['vault', 'vault', { vault_geo_ha: 'required' }], ['kubernetes', 'kube_control_plane', kubernetes]])('of role %s: an even number is refused', (role, group, vars) => {
    expect(problems(role, group, vars, ['kochi', 'delhi', 'pune', 'goa']).join()).toMatch(/4 .*\(h1, h2, h3, h4\): an even number/);
  });

  it('of etcd, nobody asked', () => {
    expect(problems('etcd', 'etcd', {}, ['kochi', 'kochi'])).toEqual([]);
  });
});
