import { describe, expect, it } from 'vitest';
import { k8sCanI } from '../../../../src/modules/k8s_can_i/index.ts';
import { cellsOf, cellText, mayBy, type Cell } from '../../../../src/modules/k8s_can_i/matrix.ts';
import type { Grant, Rule } from '../../../../src/modules/k8s_can_i/schema.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sCanI, import.meta.url);

const cell = (more: Partial<Cell> = {}): Cell => ({ verb: 'get', group: '', resource: 'pods', subresource: '', namespace: 'care', ...more });
const rule = (more: Partial<Rule> = {}): Rule => ({ api_groups: [''], resources: ['pods'], verbs: ['get'], resource_names: [], non_resource_urls: [], ...more });
const may = (rules: readonly Rule[], asked: Cell, more: Partial<Grant> = {}): boolean => mayBy([{ group: 'g', namespaces: ['care'], rules: [...rules], ...more }], { name: 'ravi', groups: ['g'] }, asked);

describe('mayBy, as RBAC', () => {
  it.each<[string, boolean, boolean]>([
    ['what a rule names', may([rule()], cell()), true],
    ['another verb', may([rule()], cell({ verb: 'list' })), false],
    ['any verb', may([rule({ verbs: ['*'] })], cell({ verb: 'list' })), true],
    ['another group of the API', may([rule()], cell({ group: 'apps' })), false],
    ['any group', may([rule({ api_groups: ['*'] })], cell({ group: 'apps' })), true],
    ['a subresource that is not named', may([rule()], cell({ subresource: 'exec' })), false],
    ['a subresource', may([rule({ resources: ['pods/exec'] })], cell({ subresource: 'exec' })), true],
    ['a subresource of any', may([rule({ resources: ['*/exec'] })], cell({ subresource: 'exec' })), true],
    ['any resource, and its subresources', may([rule({ resources: ['*'] })], cell({ subresource: 'exec' })), true],
    ['named objects are not all', may([rule({ resource_names: ['x'] })], cell()), false],
    ['another namespace', may([rule()], cell({ namespace: 'other' })), false],
    ['all namespaces, by a grant of one', may([rule()], cell({ namespace: '' })), false],
    ['all namespaces, by a grant of all', may([rule()], cell({ namespace: '' }), { namespaces: [] }), true],
    ['another group of people', may([rule()], cell(), { group: 'h' }), false],
  ])('%s', (_name, is, expected) => {
    expect(is).toBe(expected);
  });
});

describe('cellsOf', () => {
  it('takes apart what kubectl writes, and asks special verbs of their resources alone', () => {
    const cells = cellsOf({ verbs: ['get', 'bind', 'impersonate'], resources: ['deployments.apps/scale', 'clusterroles.rbac.authorization.k8s.io', 'users'], namespaces: ['care', ''] });
    expect(cells.map(cellText)).toEqual([
      'get deployments.apps/scale in care', 'get deployments.apps/scale in all namespaces', 'get clusterroles.rbac.authorization.k8s.io in care', 'get clusterroles.rbac.authorization.k8s.io in all namespaces',
      'bind clusterroles.rbac.authorization.k8s.io in care', 'bind clusterroles.rbac.authorization.k8s.io in all namespaces', 'get users in care', 'get users in all namespaces', 'impersonate users in care', 'impersonate users in all namespaces',
    ]);
  });

  it('more questions than an API server is to be asked are refused', () => {
    const many = { subjects: [{ name: 'a', groups: [] }], grants: [], verbs: ['get'], resources: ['pods'], namespaces: Array.from({ length: 20_001 }, (_each, i) => `n${String(i)}`) };
    expect(k8sCanI.refuses?.(many)).toEqual(['20001 questions (subjects × verbs × resources × namespaces) are more than 20000: give fewer']);
    expect(k8sCanI.refuses?.({ ...many, namespaces: ['a'] })).toEqual([]);
  });
});
