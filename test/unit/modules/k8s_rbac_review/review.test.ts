import { describe, expect, it } from 'vitest';
import { k8sRbacReview } from '../../../../src/modules/k8s_rbac_review/index.ts';
import { reviewBindings } from '../../../../src/modules/k8s_rbac_review/review.ts';
import { goldenCases } from '../golden.ts';

goldenCases(k8sRbacReview, import.meta.url);

const person = { kind: 'User', name: 'ravi' };
const account = { kind: 'ServiceAccount', name: 'router', namespace: 'kube-system' };
const role = (name: string, rules: readonly object[] | null, more: object = {}): object => ({ kind: 'ClusterRole', metadata: { name, ...more }, rules });
const binding = (roleName: string, subjects: readonly object[], metadata: object = {}, kind = 'ClusterRoleBinding'): object => ({ kind, metadata: { name: 'b', ...metadata }, roleRef: { kind: 'ClusterRole', name: roleName }, subjects });
const whys = (bindings: readonly object[], roles: readonly object[] = [], allowed: readonly string[] = []): readonly string[] => reviewBindings({ roles, bindings }, { declared: 'set=access', allowed }).map((each) => each.why);

describe('reviewBindings', () => {
  it('leaves what was declared, what is allowed, what Kubernetes makes, and the system’s own accounts', () => {
    expect(whys([
      binding('cluster-admin', [person], { labels: { set: 'access' } }), binding('cluster-admin', [person], { name: 'kubeadm:cluster-admins' }),
      binding('cluster-admin', [{ kind: 'Group', name: 'system:masters' }], { labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } }),
      binding('x', [account]), binding('x', [{ kind: 'Group', name: 'system:nodes' }]), binding('x', []),
    ], [], ['kubeadm:*'])).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['cluster-admin for an account', binding('cluster-admin', [account]), 'it gives cluster-admin (5.1.1)'],
    ['system:masters', binding('view', [{ kind: 'Group', name: 'system:masters' }]), 'it is for system:masters, whom nothing can be taken from (5.1.7)'],
    ['everybody', binding('view', [{ kind: 'Group', name: 'system:authenticated' }]), 'it is for system:authenticated'],
    ['a default account', binding('view', [{ kind: 'ServiceAccount', name: 'default', namespace: 'care' }]), 'it is for a default service account (5.1.5)'],
    ['a person', binding('view', [person]), 'nobody declared it for user ravi'],
    ['a person in a namespace', binding('view', [{ kind: 'Group', name: 'care:x' }], { namespace: 'care' }, 'RoleBinding'), 'nobody declared it for group care:x'],
  ])('finds %s', (_name, one, why) => {
    expect(whys([one])).toEqual([why]);
  });

  it.each<[object, string]>([
    [{ verbs: ['*'], resources: ['*'] }, 'all verbs on all resources (5.1.3)'],
    [{ verbs: ['get'], resources: ['secrets'] }, 'reading Secrets (5.1.2)'],
    [{ verbs: ['create'], resources: ['pods'] }, 'making pods (5.1.4)'],
    [{ verbs: ['escalate'], resources: ['clusterroles'] }, 'bind, escalate or impersonate (5.1.8)'],
    [{ verbs: ['create'], resources: ['serviceaccounts/token'] }, 'tokens of service accounts (5.1.13)'],
    [{ verbs: ['get'], resources: ['nodes/proxy'] }, 'nodes/proxy (5.1.10)'],
  ])('says what a person gets by %j', (rule, word) => {
    expect(whys([binding('r', [person])], [role('r', [rule])])).toEqual([`nobody declared it for user ravi; it gives ${word}`]);
  });

  it('tells a Role from a ClusterRole of its name, and one namespace from another', () => {
    const own = { kind: 'RoleBinding', metadata: { name: 'b', namespace: 'care' }, roleRef: { kind: 'Role', name: 'r' }, subjects: [person] };
    const secrets = [{ verbs: ['list'], resources: ['secrets'] }];
    expect(whys([own], [role('r', secrets), { kind: 'Role', metadata: { name: 'r', namespace: 'other' }, rules: secrets }])).toEqual(['nobody declared it for user ravi']);
    expect(whys([own], [{ kind: 'Role', metadata: { name: 'r', namespace: 'care' }, rules: secrets }])).toEqual(['nobody declared it for user ravi; it gives reading Secrets (5.1.2)']);
    expect(whys([binding('agg', [person])], [role('agg', null)])).toHaveLength(1);
  });
});
