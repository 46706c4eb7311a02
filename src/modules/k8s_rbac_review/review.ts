/** Which bindings and roles give more than was declared. Pure. Numbers are those of the CIS Kubernetes Benchmark 1.12, section 5.1. */
import { z } from 'zod';

const Metadata = z.looseObject({ name: z.string(), namespace: z.string().optional(), labels: z.record(z.string(), z.string()).default({}) });
const RoleRef = z.looseObject({ kind: z.string(), name: z.string() });
const BindingSubject = z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() });
const Binding = z.looseObject({ kind: z.string(), metadata: Metadata, roleRef: RoleRef, subjects: z.array(BindingSubject).default([]) });
const RbacRule = z.looseObject({ verbs: z.array(z.string()).default([]), resources: z.array(z.string()).default([]), apiGroups: z.array(z.string()).default([]) });
const RoleObject = z.looseObject({ kind: z.string(), metadata: Metadata, rules: z.array(RbacRule).nullish() });
type Binding = z.output<typeof Binding>;
type RoleObject = z.output<typeof RoleObject>;
type RbacRule = z.output<typeof RbacRule>;

export interface ReviewRules {
  /** Label that declared bindings have, as KEY=VALUE. */
  readonly declared: string;
  /** Names of bindings that may be there besides; a star at the end stands for anything. */
  readonly allowed: readonly string[];
}

export interface Finding {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  /** With the items of the benchmark. */
  readonly why: string;
}

const BOOTSTRAP = 'kubernetes.io/bootstrapping';

function isMarked(labels: Readonly<Record<string, string>>, label: string): boolean {
  const [key = '', value = ''] = label.split('=');
  return labels[key] === value;
}

const isNamed = (name: string, patterns: readonly string[]): boolean => patterns.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each));

const has = (rule: RbacRule, verbs: readonly string[], resources: readonly string[]): boolean => rule.verbs.some((verb) => verb === '*' || verbs.includes(verb)) && rule.resources.some((each) => each === '*' || resources.includes(each));

/** What of a role is dangerous, by item. */
const DANGERS: readonly (readonly [string, (rule: RbacRule) => boolean])[] = [
  ['all verbs on all resources (5.1.3)', (rule) => rule.verbs.includes('*') && rule.resources.includes('*')],
  ['reading Secrets (5.1.2)', (rule) => has(rule, ['get', 'list', 'watch'], ['secrets'])],
  ['making pods (5.1.4)', (rule) => has(rule, ['create'], ['pods'])],
  ['bind, escalate or impersonate (5.1.8)', (rule) => rule.verbs.some((verb) => ['bind', 'escalate', 'impersonate'].includes(verb))],
  ['persistent volumes (5.1.9)', (rule) => has(rule, ['create'], ['persistentvolumes'])],
  ['nodes/proxy (5.1.10)', (rule) => has(rule, ['get', 'create'], ['nodes/proxy'])],
  ['approving certificates (5.1.11)', (rule) => has(rule, ['update', 'patch'], ['certificatesigningrequests/approval'])],
  ['webhooks of admission (5.1.12)', (rule) => has(rule, ['create', 'update', 'patch', 'delete'], ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'])],
  ['tokens of service accounts (5.1.13)', (rule) => has(rule, ['create'], ['serviceaccounts/token'])],
];

function dangersOf(role: RoleObject | undefined): readonly string[] {
  const rules = role?.rules ?? [];
  if (rules.some((rule) => rule.verbs.includes('*') && rule.resources.includes('*'))) return ['all verbs on all resources (5.1.3)'];
  return DANGERS.filter(([, is]) => rules.some(is)).map(([word]) => word);
}

/** People, and service accounts outside of the system's namespaces: the system's own are its own matter. */
const isPerson = (subject: Binding['subjects'][number]): boolean => subject.kind !== 'ServiceAccount' && !subject.name.startsWith('system:');

function wrongWith(binding: Binding, role: RoleObject | undefined): readonly string[] {
  const found: string[] = [];
  if (binding.roleRef.name === 'cluster-admin') found.push('it gives cluster-admin (5.1.1)');
  if (binding.subjects.some((subject) => subject.kind === 'Group' && subject.name === 'system:masters')) found.push('it is for system:masters, whom nothing can be taken from (5.1.7)');
  const everybody = binding.subjects.filter((subject) => ['system:anonymous', 'system:unauthenticated', 'system:authenticated'].includes(subject.name)).map((subject) => subject.name);
  if (everybody.length > 0) found.push(`it is for ${everybody.join(', ')}`);
  const defaults = binding.subjects.filter((subject) => subject.kind === 'ServiceAccount' && subject.name === 'default');
  if (defaults.length > 0) found.push('it is for a default service account (5.1.5)');
  const people = binding.subjects.filter(isPerson).map((subject) => `${subject.kind.toLowerCase()} ${subject.name}`);
  if (people.length > 0) found.push(`nobody declared it for ${people.join(', ')}`);
  const dangers = people.length > 0 && binding.roleRef.name !== 'cluster-admin' ? dangersOf(role) : [];
  if (dangers.length > 0) found.push(`it gives ${dangers.join(', ')}`);
  return found;
}

/**
 * @param objects ClusterRoles, Roles, ClusterRoleBindings and RoleBindings as the API gives them
 * @returns bindings that nobody declared and that matter
 */
export function reviewBindings(objects: { readonly roles: readonly unknown[]; readonly bindings: readonly unknown[] }, rules: ReviewRules): readonly Finding[] {
  const roles = objects.roles.map((each) => RoleObject.parse(each));
  return objects.bindings.map((each) => Binding.parse(each)).flatMap((binding) => {
    const { name, namespace = '', labels } = binding.metadata;
    if (labels[BOOTSTRAP] === 'rbac-defaults' || isMarked(labels, rules.declared) || isNamed(name, rules.allowed)) return [];
    const role = roles.find((each) => each.kind === binding.roleRef.kind && each.metadata.name === binding.roleRef.name && (each.kind === 'ClusterRole' || each.metadata.namespace === namespace));
    const found = wrongWith(binding, role);
    return found.length === 0 ? [] : [{ kind: binding.kind, name, namespace, why: found.join('; ') }];
  });
}
