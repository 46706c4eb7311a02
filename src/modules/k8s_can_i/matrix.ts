/** The matrix of who may do what where, by what was declared. Pure; how rules match is RBAC's (kubernetes.io, "Using RBAC Authorization"). */
import type { Grant, K8sCanIArgs, Rule, Subject } from './schema.ts';

export interface Cell {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  /** Empty: all namespaces at once. */
  readonly namespace: string;
}

/** Verbs that are looked at for these resources alone (kubernetes.io, "Authorization", special verbs). */
const SPECIAL: Readonly<Record<string, readonly string[]>> = { bind: ['roles', 'clusterroles'], escalate: ['roles', 'clusterroles'], impersonate: ['users', 'groups', 'serviceaccounts', 'userextras', 'uids'] };

export function cellsOf(args: Pick<K8sCanIArgs, 'verbs' | 'resources' | 'namespaces'>): readonly Cell[] {
  return args.resources.flatMap((text) => {
    const [type = '', subresource = ''] = text.split('/');
    const [resource = '', ...group] = type.split('.');
    return args.verbs.filter((verb) => SPECIAL[verb]?.includes(resource) ?? true).flatMap((verb) => args.namespaces.map((namespace) => ({ verb, group: group.join('.'), resource, subresource, namespace })));
  });
}

export function cellText(cell: Cell): string {
  return `${cell.verb} ${cell.resource}${cell.group === '' ? '' : `.${cell.group}`}${cell.subresource === '' ? '' : `/${cell.subresource}`} in ${cell.namespace === '' ? 'all namespaces' : cell.namespace}`;
}

function matches(rule: Rule, cell: Cell): boolean {
  const has = (list: readonly string[], ...texts: readonly string[]): boolean => texts.some((text) => list.includes(text));
  const resources = cell.subresource === '' ? [cell.resource] : [`${cell.resource}/${cell.subresource}`, `*/${cell.subresource}`];
  // A rule for named objects is none for all of them.
  return rule.resource_names.length === 0 && has(rule.verbs, cell.verb, '*') && has(rule.api_groups, cell.group, '*') && has(rule.resources, '*', ...resources);
}

/** Whether somebody is to be able to. */
export function mayBy(grants: readonly Grant[], subject: Subject, cell: Cell): boolean {
  return grants.some((grant) => subject.groups.includes(grant.group) && (grant.namespaces.length === 0 || (cell.namespace !== '' && grant.namespaces.includes(cell.namespace))) && grant.rules.some((rule) => matches(rule, cell)));
}
