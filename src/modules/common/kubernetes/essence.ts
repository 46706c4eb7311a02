/** What of an object was wished for, without what the server counts and notes of it. Pure. */
import { stringify } from 'yaml';
import type { Manifest } from '../../../services/kubernetes/objects.ts';
import { MASK } from '../../../support/secret.ts';
import { sameValue } from '../../../support/value.ts';

export type Essence = Readonly<Record<string, unknown>>;

/** Counted by the server at every write, or its own notes. */
const OF_SERVER = new Set(['managedFields', 'resourceVersion', 'generation', 'creationTimestamp', 'uid', 'selfLink']);

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function essence(object: Readonly<Record<string, unknown>>): Essence {
  const { status: _status, metadata, ...rest } = object;
  const kept = isRecord(metadata) ? Object.fromEntries(Object.entries(metadata).filter(([name]) => !OF_SERVER.has(name))) : {};
  return { ...rest, metadata: kept };
}

export function sameEssence(a: Essence, b: Essence): boolean {
  return sameValue(a, b);
}

/** `Deployment care/backend`, `Namespace care`. */
export function titleOf(manifest: Manifest): string {
  const { name, namespace } = manifest.metadata;
  return `${manifest.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
}

const SECRET_FIELDS = ['data', 'stringData'];

/** Where `kubectl apply` keeps the whole object, a Secret's values among it (kubernetes.io, "Well-Known Labels, Annotations and Taints"). */
export const KUBECTL_COPY = 'kubectl.kubernetes.io/last-applied-configuration';

function withoutCopy(metadata: unknown): unknown {
  if (!isRecord(metadata) || !isRecord(metadata['annotations']) || !(KUBECTL_COPY in metadata['annotations'])) return metadata;
  return { ...metadata, annotations: { ...metadata['annotations'], [KUBECTL_COPY]: MASK } };
}

/** Values of a Secret are never shown; that one differs is. */
function masked(object: Essence, other: Essence | null): Essence {
  if (object['kind'] !== 'Secret') return object;
  return Object.fromEntries(Object.entries(object).map(([field, value]) => {
    if (field === 'metadata') return [field, withoutCopy(value)];
    if (!SECRET_FIELDS.includes(field) || !isRecord(value)) return [field, value];
    const before = other?.[field];
    return [field, Object.fromEntries(Object.entries(value).map(([name, each]) => [name, isRecord(before) && sameValue(before[name], each) ? MASK : `${MASK} (another)`]))];
  }));
}

/** For `--diff`. */
export function essenceText(object: Essence | null, other: Essence | null): string {
  return object === null ? '' : stringify(masked(object, other), { sortMapEntries: true, lineWidth: 0 });
}

/** Paths of the fields that differ, outermost first, at most so many. */
export function differing(a: unknown, b: unknown, most = 4): readonly string[] {
  const found: string[] = [];
  const visit = (one: unknown, other: unknown, path: string): void => {
    if (sameValue(one, other)) return;
    if (isRecord(one) && isRecord(other)) for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) visit(one[key], other[key], path === '' ? key : `${path}.${key}`);
    else found.push(path);
  };
  visit(a, b, '');
  return found.length > most ? [...found.slice(0, most), `and ${String(found.length - most)} more`] : found;
}
