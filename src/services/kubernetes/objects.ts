/** Objects of a Kubernetes API by what they say of themselves: where their kind is served, reading, server-side apply, deleting. */
import { z } from 'zod';
import type { ApiAnswer, ApiIdentity, KubernetesClient } from './client.ts';

/** An object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string | undefined } & Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

const ResourceList = z.looseObject({ resources: z.array(z.looseObject({ name: z.string(), kind: z.string(), namespaced: z.boolean() })).default([]) });
const Cause = z.looseObject({ reason: z.string().default(''), message: z.string().default('') });
const Status = z.looseObject({ message: z.string().default(''), reason: z.string().optional(), code: z.int().optional(), details: z.looseObject({ causes: z.array(Cause).default([]) }).optional() });

/** The API said no. */
export interface Refusal {
  readonly status: number;
  /** As the API names it: NotFound, Forbidden, Conflict, Invalid … */
  readonly reason: string;
  readonly msg: string;
  /** What it gives for reasons, such as the budget that a pod may not be evicted for. */
  readonly causes?: readonly { readonly reason: string; readonly message: string }[] | undefined;
}

export type Said<T> = { readonly ok: true; readonly value: T } | ({ readonly ok: false } & Refusal);

function said(answer: ApiAnswer): Said<Readonly<Record<string, unknown>>> {
  if (answer.status >= 200 && answer.status < 300 && typeof answer.body === 'object' && answer.body !== null) return { ok: true, value: answer.body as Readonly<Record<string, unknown>> };
  const status = Status.safeParse(answer.body);
  const msg = status.data?.message === undefined || status.data.message === '' ? `the API answers ${String(answer.status)}` : status.data.message;
  const causes = (status.data?.details?.causes ?? []).map(({ reason, message }) => ({ reason, message }));
  return { ok: false, status: answer.status, reason: status.data?.reason ?? String(answer.status), msg, ...(causes.length === 0 ? {} : { causes }) };
}

interface Served {
  readonly plural: string;
  readonly namespaced: boolean;
}

const served = new WeakMap<KubernetesClient, Map<string, Map<string, Served>>>();

/** What a kind is called in paths; asked once a client and group. A kind that is not there is asked for again: its definition may come. */
async function servedAs(client: KubernetesClient, apiVersion: string, kind: string, signal: AbortSignal): Promise<Said<Served>> {
  const known = served.get(client) ?? new Map<string, Map<string, Served>>();
  served.set(client, known);
  const found = known.get(apiVersion)?.get(kind);
  if (found !== undefined) return { ok: true, value: found };
  const answer = said(await client.request({ method: 'GET', path: rootOf(apiVersion) }, signal));
  if (!answer.ok) return answer.status === 404 ? { ok: false, status: 404, reason: 'NoKind', msg: `the API serves no ${apiVersion}` } : answer;
  const kinds = new Map<string, Served>();
  for (const each of ResourceList.parse(answer.value).resources) if (!each.name.includes('/')) kinds.set(each.kind, { plural: each.name, namespaced: each.namespaced });
  known.set(apiVersion, kinds);
  const now = kinds.get(kind);
  return now === undefined ? { ok: false, status: 404, reason: 'NoKind', msg: `the API serves no ${kind} of ${apiVersion}` } : { ok: true, value: now };
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Path of a kind, or of one object of it. */
export async function pathOf(client: KubernetesClient, apiVersion: string, kind: string, where: { readonly namespace?: string | undefined; readonly name?: string | undefined }, signal: AbortSignal): Promise<Said<string>> {
  const as = await servedAs(client, apiVersion, kind, signal);
  if (!as.ok) return as;
  const namespace = as.value.namespaced && where.namespace !== undefined ? `/namespaces/${encodeURIComponent(where.namespace)}` : '';
  const name = where.name === undefined ? '' : `/${encodeURIComponent(where.name)}`;
  return { ok: true, value: `${rootOf(apiVersion)}${namespace}/${as.value.plural}${name}` };
}

function ownPath(client: KubernetesClient, manifest: Manifest, signal: AbortSignal): Promise<Said<string>> {
  const { name, namespace } = manifest.metadata;
  return pathOf(client, manifest.apiVersion, manifest.kind, { name, namespace: namespace ?? 'default' }, signal);
}

export async function readObject(client: KubernetesClient, manifest: Manifest, signal: AbortSignal): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await ownPath(client, manifest, signal);
  return path.ok ? said(await client.request({ method: 'GET', path: path.value }, signal)) : path;
}

/** Objects of one kind. @param selector as `kubectl -l` takes it */
export async function listObjects(
  client: KubernetesClient, what: { readonly apiVersion: string; readonly kind: string; readonly namespace?: string | undefined; readonly name?: string | undefined; readonly labels: string; readonly fields: string }, signal: AbortSignal,
): Promise<Said<readonly Readonly<Record<string, unknown>>[]>> {
  const path = await pathOf(client, what.apiVersion, what.kind, what, signal);
  if (!path.ok) return path;
  const query = new URLSearchParams({ ...(what.labels === '' ? {} : { labelSelector: what.labels }), ...(what.fields === '' ? {} : { fieldSelector: what.fields }) });
  const answer = said(await client.request({ method: 'GET', path: `${path.value}${query.size === 0 ? '' : `?${query.toString()}`}` }, signal));
  if (!answer.ok) return answer;
  if (what.name !== undefined) return { ok: true, value: [answer.value] };
  const { items } = z.looseObject({ items: z.array(z.record(z.string(), z.unknown())) }).parse(answer.value);
  return { ok: true, value: items.map((item) => ({ apiVersion: what.apiVersion, kind: what.kind, ...item })) };
}

export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take fields over from other managers. */
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** Server-side apply (kubernetes.io, "Server-Side Apply"); unknown and double fields are refused. */
export async function applyObject(client: KubernetesClient, manifest: Manifest, options: ApplyOptions, signal: AbortSignal): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await ownPath(client, manifest, signal);
  if (!path.ok) return path;
  const query = new URLSearchParams({ fieldManager: options.fieldManager, force: String(options.force), fieldValidation: 'Strict', ...(options.dryRun ? { dryRun: 'All' } : {}) });
  return said(await client.request({ method: 'PATCH', path: `${path.value}?${query.toString()}`, body: manifest, contentType: 'application/apply-patch+yaml' }, signal));
}

/** What the API would say to a new object: a dry run, all of admission but nothing stored. */
export async function tryObject(client: KubernetesClient, manifest: Manifest, as: ApiIdentity | undefined, signal: AbortSignal): Promise<Said<unknown>> {
  const { namespace } = manifest.metadata;
  const path = await pathOf(client, manifest.apiVersion, manifest.kind, { namespace: namespace ?? 'default' }, signal);
  return path.ok ? said(await client.request({ method: 'POST', path: `${path.value}?dryRun=All&fieldValidation=Strict`, body: manifest, as }, signal)) : path;
}

/** Makes an object; one of its name must not be there. */
export async function makeObject(client: KubernetesClient, manifest: Manifest, signal: AbortSignal): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await pathOf(client, manifest.apiVersion, manifest.kind, { namespace: manifest.metadata.namespace ?? 'default' }, signal);
  return path.ok ? said(await client.request({ method: 'POST', path: `${path.value}?fieldManager=care-provision&fieldValidation=Strict`, body: manifest }, signal)) : path;
}

/** Asks for a connection to a pod that is not there (`exec`, `attach`, `portforward`): admission comes before the look for the pod. */
export async function tryConnect(client: KubernetesClient, namespace: string, subresource: string, as: ApiIdentity | undefined, signal: AbortSignal): Promise<Said<unknown>> {
  const query = subresource === 'portforward' ? 'ports=1' : 'stdout=true&container=none&command=true';
  return said(await client.request({ method: 'POST', path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${NO_POD}/${subresource}?${query}`, as }, signal));
}

/** A name that no pod has, so that nothing is ever run. */
const NO_POD = 'care-provision-none';

/** Asks the API something by an object that it answers and does not keep, such as a SubjectAccessReview. */
export async function postReview(client: KubernetesClient, apiVersion: string, kind: string, spec: unknown, signal: AbortSignal): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await pathOf(client, apiVersion, kind, {}, signal);
  return path.ok ? said(await client.request({ method: 'POST', path: path.value, body: { apiVersion, kind, spec } }, signal)) : path;
}

/** A JSON merge patch (RFC 7386). */
export async function patchObject(client: KubernetesClient, manifest: Manifest, patch: unknown, signal: AbortSignal, subresource = ''): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await ownPath(client, manifest, signal);
  return path.ok ? said(await client.request({ method: 'PATCH', path: `${path.value}${subresource === '' ? '' : `/${subresource}`}?fieldManager=care-provision`, body: patch, contentType: 'application/merge-patch+json' }, signal)) : path;
}

/** Posts to a subresource of an object, such as `eviction`. */
export async function postTo(client: KubernetesClient, manifest: Manifest, subresource: string, body: unknown, signal: AbortSignal): Promise<Said<Readonly<Record<string, unknown>>>> {
  const path = await ownPath(client, manifest, signal);
  return path.ok ? said(await client.request({ method: 'POST', path: `${path.value}/${subresource}`, body }, signal)) : path;
}

/** Not found is done. What hangs on the object goes in the background. @param options fields of DeleteOptions besides */
export async function deleteObject(client: KubernetesClient, manifest: Manifest, signal: AbortSignal, options: Readonly<Record<string, unknown>> = {}): Promise<Said<undefined>> {
  const path = await ownPath(client, manifest, signal);
  if (!path.ok) return path.reason === 'NoKind' ? { ok: true, value: undefined } : path;
  const answer = said(await client.request({ method: 'DELETE', path: path.value, body: { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background', ...options } }, signal));
  return answer.ok || answer.status === 404 ? { ok: true, value: undefined } : answer;
}
