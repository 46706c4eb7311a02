/**
 * How a bucket is copied to other stores, in one way of writing. MinIO keeps it in two places: remote targets (admin API), each with an
 * ARN that the store makes up, and rules (S3 API) that name ARNs. Here both are one entry a target, without ARNs. Pure.
 */
import { scryptSync } from 'node:crypto';
import { z } from 'zod';
import { child, children, childText, childWhole, xml, type Element } from '../../services/s3/xml.ts';
import { rootOf } from '../common/s3/aspect.ts';
import type { TargetArgs } from './schema.ts';

export interface Target {
  /** `https://host:port`. */
  readonly endpoint_url: string;
  readonly bucket: string;
  readonly access_key: string;
  /** Says which secret key was given, and nothing of it; empty: it was not given by this program. */
  readonly key_id: string;
  readonly enabled: boolean;
  readonly prefix: string;
  readonly delete_markers: boolean;
  readonly deletes: boolean;
  readonly existing_objects: boolean;
  readonly replica_modifications: boolean;
  readonly synchronous: boolean;
  /** Bytes a second; 0 for no limit. */
  readonly bandwidth: number;
  /** What the store says besides and cannot be declared: it is taken away. */
  readonly also?: readonly string[];
}

/** What the store says of a remote target (madmin-go, bucket-targets.go: BucketTarget); never its secret key. */
export const RemoteTargets = z
  .array(
    z.object({
      arn: z.string(),
      endpoint: z.string(),
      secure: z.boolean(),
      targetbucket: z.string(),
      credentials: z.object({ accessKey: z.string().default('') }).nullish(),
      replicationSync: z.boolean().default(false),
      bandwidthlimit: z.number().default(0),
      disableProxy: z.boolean().default(false),
    }),
  )
  .nullable()
  .transform((all) => all ?? []);
export type RemoteTarget = z.output<typeof RemoteTargets>[number];

const ids = new Map<string, string>();

/**
 * A store never tells a secret key, so the rule's id says which one it was set with: 64 bits of a slow hash (scrypt), which help nobody
 * who reads it to guess the key.
 */
export function keyId(target: Pick<TargetArgs, 'endpoint_url' | 'access_key' | 'secret_key'>): string {
  const salt = `${target.endpoint_url} ${target.access_key}`;
  const known = `${salt} ${target.secret_key.reveal()}`;
  const id = ids.get(known) ?? scryptSync(target.secret_key.reveal(), salt, 8).toString('hex');
  ids.set(known, id);
  return id;
}

const RULE_ID = /^care-([0-9a-f]{16})$/;

export function wished(args: readonly TargetArgs[], source: string): readonly Target[] {
  return args
    .map((target): Target => ({
      endpoint_url: target.endpoint_url, bucket: target.bucket ?? source, access_key: target.access_key, key_id: keyId(target), enabled: target.enabled, prefix: target.prefix,
      delete_markers: target.delete_markers, deletes: target.deletes, existing_objects: target.existing_objects, replica_modifications: target.replica_modifications,
      synchronous: target.synchronous, bandwidth: target.bandwidth,
    }))
    .sort(byEndpoint);
}

function byEndpoint(a: Target, b: Target): number {
  return a.endpoint_url < b.endpoint_url ? -1 : a.endpoint_url > b.endpoint_url ? 1 : 0;
}

export function endpointOf(remote: Pick<RemoteTarget, 'endpoint' | 'secure'>): string {
  return `${remote.secure ? 'https' : 'http'}://${remote.endpoint}`;
}

const on = (of: Element, name: string): boolean => {
  const part = child(of, name);
  return part !== undefined && childText(part, 'Status') === 'Enabled';
};

function ruleFields(rule: Element): Omit<Target, 'endpoint_url' | 'bucket' | 'access_key' | 'synchronous' | 'bandwidth'> {
  const filter = child(rule, 'Filter');
  const places = [filter, filter === undefined ? undefined : child(filter, 'And'), rule].filter((p) => p !== undefined);
  const selection = child(rule, 'SourceSelectionCriteria');
  const destination = child(rule, 'Destination');
  const also = [
    ...(places.some((p) => children(p, 'Tag').some((tag) => (childText(tag, 'Key') ?? '') !== '')) ? ['a filter by tags'] : []),
    ...((destination === undefined ? '' : (childText(destination, 'StorageClass') ?? '')) === '' ? [] : ['a storage class']),
  ];
  return {
    key_id: RULE_ID.exec(childText(rule, 'ID') ?? '')?.[1] ?? '',
    enabled: childText(rule, 'Status') === 'Enabled',
    prefix: places.map((p) => childWhole(p, 'Prefix')).find((p) => p !== undefined && p !== '') ?? '',
    delete_markers: on(rule, 'DeleteMarkerReplication'),
    deletes: on(rule, 'DeleteReplication'),
    existing_objects: on(rule, 'ExistingObjectReplication'),
    replica_modifications: selection !== undefined && on(selection, 'ReplicaModifications'),
    ...(also.length === 0 ? {} : { also }),
  };
}

const NO_RULE: ReturnType<typeof ruleFields> = { key_id: '', enabled: false, prefix: '', delete_markers: false, deletes: false, existing_objects: false, replica_modifications: false };

/** @param configuration the body of `?replication`; undefined: there are no rules. @throws Error when it makes no sense */
export function readTargets(configuration: string | undefined, remotes: readonly RemoteTarget[]): readonly Target[] {
  const root = configuration === undefined ? undefined : rootOf(configuration, 'ReplicationConfiguration');
  const role = root === undefined ? '' : (childText(root, 'Role') ?? '');
  const rules = root === undefined ? [] : children(root, 'Rule');
  const arnOf = (rule: Element): string => {
    const destination = child(rule, 'Destination');
    // An older way of writing has the ARN as role.
    return role === '' ? ((destination === undefined ? undefined : childText(destination, 'Bucket')) ?? '') : role;
  };
  const known = remotes.map((remote): Target => {
    const [rule, ...more] = rules.filter((r) => arnOf(r) === remote.arn);
    const fields = rule === undefined ? NO_RULE : ruleFields(rule);
    const also = [...(fields.also ?? []), ...(rule === undefined ? ['no rule'] : []), ...(remote.disableProxy ? [] : ['reads of what is not here are passed on']), ...(more.length === 0 ? [] : [`${String(more.length)} more rules`])];
    return {
      ...fields, endpoint_url: endpointOf(remote), bucket: remote.targetbucket, access_key: remote.credentials?.accessKey ?? '', synchronous: remote.replicationSync, bandwidth: remote.bandwidthlimit,
      ...(also.length === 0 ? {} : { also }),
    };
  });
  const lost = rules.filter((rule) => !remotes.some((r) => r.arn === arnOf(rule))).map((rule): Target => ({ ...ruleFields(rule), endpoint_url: arnOf(rule), bucket: '', access_key: '', synchronous: false, bandwidth: 0, also: ['a rule whose target is not there'] }));
  return [...known, ...lost].sort(byEndpoint);
}

const status = (name: string, enabled: boolean): string => xml(name, [xml('Status', enabled ? 'Enabled' : 'Disabled')]);

/** The rules. @param arns by endpoint */
export function writeRules(targets: readonly Target[], arns: ReadonlyMap<string, string>): string {
  return xml('ReplicationConfiguration', targets.map((target, i) => xml('Rule', [
    xml('ID', `care-${target.key_id}`),
    xml('Status', target.enabled ? 'Enabled' : 'Disabled'),
    // Each its own: the API refuses two of one priority.
    xml('Priority', i + 1),
    status('DeleteMarkerReplication', target.delete_markers),
    status('DeleteReplication', target.deletes),
    xml('Destination', [xml('Bucket', arns.get(target.endpoint_url) ?? '')]),
    xml('SourceSelectionCriteria', [status('ReplicaModifications', target.replica_modifications)]),
    xml('Filter', [xml('Prefix', target.prefix)]),
    status('ExistingObjectReplication', target.existing_objects),
  ])));
}
