/** Lifecycle rules of a bucket (S3 API reference: LifecycleConfiguration), in one way of writing. */
import { child, children, childText, childWhole, xml, type Element } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export interface LifecycleRule {
  readonly id: string;
  readonly status: 'Enabled' | 'Disabled';
  readonly prefix: string;
  readonly tags: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly object_size_greater_than?: number;
  readonly object_size_less_than?: number;
  readonly expiration?: ({ readonly days: number } | { readonly date: string } | { readonly expired_object_delete_marker: true }) & {
    /** What a store says besides and cannot be declared, such as MinIO's ExpiredObjectAllVersions: it is taken away. */
    readonly also?: readonly string[];
  };
  readonly noncurrent_version_expiration?: { readonly noncurrent_days?: number; readonly newer_noncurrent_versions?: number };
  readonly transition?: { readonly days: number; readonly storage_class: string };
  readonly noncurrent_version_transition?: { readonly noncurrent_days: number; readonly storage_class: string };
  readonly abort_incomplete_multipart_upload?: { readonly days_after_initiation: number };
  readonly del_marker_expiration?: { readonly days: number };
  /** What a store says besides and cannot be declared, such as a second transition: it is taken away. */
  readonly also?: readonly string[];
}

function number(of: Element, name: string): number | undefined {
  const text = childText(of, name);
  return text === undefined || text === '' ? undefined : Number(text);
}

/** Without what is undefined. */
function some<T extends object>(of: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as T;
}

/** An element of a rule that is there and not empty. */
function part(rule: Element, name: string): Element | undefined {
  const found = child(rule, name);
  return found === undefined || found.children.length === 0 ? undefined : found;
}

/** What an expiration says, one of them. */
const DECLARED = ['Days', 'Date', 'ExpiredObjectDeleteMarker'] as const;

function expirationOf(rule: Element): LifecycleRule['expiration'] {
  const of = part(rule, 'Expiration');
  if (of === undefined) return undefined;
  const said = new Map(of.children.map((c) => [c.name, c.text.trim()] as const).filter(([, text]) => text !== '' && text !== 'false'));
  const one = DECLARED.find((name) => said.has(name));
  const others = [...said.keys()].filter((name) => name !== one).sort();
  const also = others.length === 0 ? {} : { also: others };
  const text = said.get(one ?? '') ?? '';
  if (one === 'Days') return { days: Number(text), ...also };
  if (one === 'Date') return { date: text.slice(0, 10), ...also };
  return one === undefined ? undefined : { expired_object_delete_marker: true, ...also };
}

/** A rule may move objects more than once (S3 API reference: Transition); one time can be declared. */
function furtherTransitions(rule: Element): readonly string[] | undefined {
  const words = ([['Transition', 'Days'], ['NoncurrentVersionTransition', 'NoncurrentDays']] as const).flatMap(([name, days]) =>
    children(rule, name).slice(1).map((t) => `${name} to ${childText(t, 'StorageClass') ?? ''} after ${childText(t, days) ?? childText(t, 'Date') ?? '?'}`));
  return words.length === 0 ? undefined : words;
}

function ruleOf(rule: Element): LifecycleRule {
  const filter = child(rule, 'Filter');
  // One condition stands by itself, more of them in <And>; the oldest form has the prefix in the rule.
  const places = [filter, filter === undefined ? undefined : child(filter, 'And'), rule].filter((p) => p !== undefined);
  const first = <T>(look: (place: Element) => T | undefined): T | undefined => places.map(look).find((v) => v !== undefined && v !== '');
  const status = childText(rule, 'Status');
  if (status !== 'Enabled' && status !== 'Disabled') throw new Error(`a status of a rule that is not known: ${String(status)}`);
  const noncurrent = part(rule, 'NoncurrentVersionExpiration');
  const transition = part(rule, 'Transition');
  const older = part(rule, 'NoncurrentVersionTransition');
  const abort = part(rule, 'AbortIncompleteMultipartUpload');
  const markers = part(rule, 'DelMarkerExpiration');
  return some<LifecycleRule>({
    id: childWhole(rule, 'ID') ?? '',
    status,
    prefix: first((p) => childWhole(p, 'Prefix')) ?? '',
    tags: Object.fromEntries(places.flatMap((p) => children(p, 'Tag')).map((tag) => [childWhole(tag, 'Key') ?? '', childWhole(tag, 'Value') ?? ''])),
    object_size_greater_than: first((p) => number(p, 'ObjectSizeGreaterThan')),
    object_size_less_than: first((p) => number(p, 'ObjectSizeLessThan')),
    expiration: expirationOf(rule),
    noncurrent_version_expiration: noncurrent === undefined ? undefined : some({ noncurrent_days: number(noncurrent, 'NoncurrentDays'), newer_noncurrent_versions: number(noncurrent, 'NewerNoncurrentVersions') }),
    transition: transition === undefined ? undefined : { days: number(transition, 'Days') ?? 0, storage_class: childText(transition, 'StorageClass') ?? '' },
    noncurrent_version_transition: older === undefined ? undefined : { noncurrent_days: number(older, 'NoncurrentDays') ?? 0, storage_class: childText(older, 'StorageClass') ?? '' },
    abort_incomplete_multipart_upload: abort === undefined ? undefined : { days_after_initiation: number(abort, 'DaysAfterInitiation') ?? 0 },
    del_marker_expiration: markers === undefined ? undefined : { days: number(markers, 'Days') ?? 0 },
    also: furtherTransitions(rule),
  });
}

function filterXml(rule: LifecycleRule): string {
  const tags = Object.entries(rule.tags).map(([key, value]) => xml('Tag', [xml('Key', key), xml('Value', value)]));
  const sizes = [xml('ObjectSizeGreaterThan', rule.object_size_greater_than), xml('ObjectSizeLessThan', rule.object_size_less_than)].filter((s) => s !== '');
  const prefix = rule.prefix === '' ? [] : [xml('Prefix', rule.prefix)];
  const all = [...prefix, ...tags, ...sizes];
  if (all.length === 0) return xml('Filter', [xml('Prefix', '')]);
  return xml('Filter', all.length === 1 ? all : [xml('And', all)]);
}

function expirationXml(of: LifecycleRule['expiration']): string {
  if (of === undefined) return '';
  if ('days' in of) return xml('Expiration', [xml('Days', of.days)]);
  return xml('Expiration', ['date' in of ? xml('Date', `${of.date}T00:00:00Z`) : xml('ExpiredObjectDeleteMarker', true)]);
}

function ruleXml(rule: LifecycleRule): string {
  const { noncurrent_version_expiration: noncurrent, transition, noncurrent_version_transition: older, abort_incomplete_multipart_upload: abort, del_marker_expiration: markers } = rule;
  return xml('Rule', [
    xml('ID', rule.id),
    xml('Status', rule.status),
    filterXml(rule),
    expirationXml(rule.expiration),
    transition === undefined ? '' : xml('Transition', [xml('Days', transition.days), xml('StorageClass', transition.storage_class)]),
    noncurrent === undefined ? '' : xml('NoncurrentVersionExpiration', [xml('NoncurrentDays', noncurrent.noncurrent_days), xml('NewerNoncurrentVersions', noncurrent.newer_noncurrent_versions)]),
    older === undefined ? '' : xml('NoncurrentVersionTransition', [xml('NoncurrentDays', older.noncurrent_days), xml('StorageClass', older.storage_class)]),
    abort === undefined ? '' : xml('AbortIncompleteMultipartUpload', [xml('DaysAfterInitiation', abort.days_after_initiation)]),
    markers === undefined ? '' : xml('DelMarkerExpiration', [xml('Days', markers.days)]),
  ]);
}

/** Rules in the order of their ids. */
export function sortedRules(rules: readonly LifecycleRule[]): readonly LifecycleRule[] {
  return [...rules].sort((a, b) => (a.id < b.id ? -1 : 1));
}

export const lifecycle = defineAspect<readonly LifecycleRule[]>({
  name: 'lifecycle',
  label: 'lifecycle rules',
  subresource: 'lifecycle',
  none: ['NoSuchLifecycleConfiguration'],
  read(body) {
    const rules = children(rootOf(body, 'LifecycleConfiguration'), 'Rule').map(ruleOf);
    return rules.length === 0 ? undefined : sortedRules(rules);
  },
  write: (rules) => xml('LifecycleConfiguration', rules.map(ruleXml)),
});
