/** What has to be done for a bucket to be copied to where it is wished. */
import { converge, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { s3, type Limits, type S3Client } from '../../services/s3/client.ts';
import { adminPath } from '../../services/s3/minio.ts';
import type { S3Request } from '../../services/s3/sign.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { sameValue } from '../../support/value.ts';
import { settingsText } from '../common/s3/change.ts';
import { loginOf } from '../common/s3/login.ts';
import { known, refuse } from '../common/s3/server.ts';
import { listTargets, replication } from './query.ts';
import type { ReplicationArgs, TargetArgs } from './schema.ts';
import { endpointOf, RemoteTargets, wished, writeRules, type RemoteTarget, type Target } from './target.ts';

export function planReplication(args: ReplicationArgs, host: HostView): Plan {
  const login = loginOf(args, host);
  const query = replication({ login, bucket: args.name });
  const before = known(host, query, null);
  const after = wished(args.targets, args.name);
  if (before === null && after.length > 0 && !host.checkMode) refuse(`there is no bucket ${args.name}`, 'make it in an earlier task (s3_bucket), or correct its name');
  if (sameValue(before ?? [], after)) return converge([]);
  return converge([
    {
      resource: `bucket ${args.name}`,
      what: after.length === 0 ? 'copy it nowhere' : `copy it to ${after.map((t) => `${t.endpoint_url}/${t.bucket}`).join(', ')}`,
      diff: { before: before === null || before.length === 0 ? '' : settingsText({ replication: before }), after: after.length === 0 ? '' : settingsText({ replication: after }) },
      effects: [query.is({ ok: true, value: after })],
      call: (port) => settle(port.clients.get(s3, login), port, args.name, args.targets, after),
    },
  ]);
}

/** What of the client is used here. */
type Store = Pick<S3Client, 'read' | 'write' | 'sealed'>;

async function remotesOf(client: Store, limits: Limits, bucket: string): Promise<readonly RemoteTarget[]> {
  try {
    return RemoteTargets.parse(JSON.parse((await client.read(listTargets(bucket), limits)).body.toString('utf8')));
  } catch (error) {
    if (error instanceof S3Trouble && error.trouble.code === 'XMinioAdminRemoteTargetNotFoundError') return [];
    throw error;
  }
}

/**
 * Makes it so. A target that a rule names is not removed, so the order is: rules of what stays, targets away, targets there, all rules.
 *
 * @param given with the secret keys of the targets
 * @throws S3Trouble
 */
export async function settle(client: Store, limits: Limits, bucket: string, given: readonly TargetArgs[], after: readonly Target[]): Promise<void> {
  const rules = async (targets: readonly Target[], arns: ReadonlyMap<string, string>): Promise<void> => {
    const address = { path: `/${bucket}`, query: { replication: '' } };
    await client.write(targets.length === 0 ? { method: 'DELETE', ...address } : { method: 'PUT', ...address, body: Buffer.from(writeRules(targets, arns)), headers: { 'content-type': 'application/xml' } }, limits);
  };
  const remotes = await remotesOf(client, limits, bucket);
  const stays = (remote: RemoteTarget): boolean => after.some((t) => t.endpoint_url === endpointOf(remote) && t.bucket === remote.targetbucket);
  const arns = new Map(remotes.filter(stays).map((remote) => [endpointOf(remote), remote.arn]));
  const gone = remotes.filter((remote) => !stays(remote));
  // Their ids claim no key yet: what is cut off before the targets have theirs must not look as if they had.
  if (gone.length > 0 || after.length === 0) await rules(after.filter((t) => arns.has(t.endpoint_url)).map((t, i) => ({ ...t, key_id: `unset-${String(i + 1)}` })), arns);
  for (const { arn } of gone) await client.write({ method: 'DELETE', path: adminPath('remove-remote-target'), query: { bucket, arn } }, limits);
  for (const target of after) {
    const secret = given.find((g) => g.endpoint_url === target.endpoint_url)?.secret_key;
    if (secret === undefined) continue;
    const answer = await client.write(await setTarget(client, bucket, target, secret.reveal(), arns.get(target.endpoint_url)), limits);
    arns.set(target.endpoint_url, String(JSON.parse(answer.body.toString('utf8'))));
  }
  if (after.length > 0) await rules(after, arns);
}

/** @param arn of the target that is there and gets other settings; undefined: it is a new one */
async function setTarget(client: Store, bucket: string, target: Target, secretKey: string, arn: string | undefined): Promise<S3Request> {
  const body = {
    sourcebucket: bucket, targetbucket: target.bucket, endpoint: new URL(target.endpoint_url).host, secure: true, type: 'replication', api: 's3v4', path: 'auto',
    credentials: { accessKey: target.access_key, secretKey }, replicationSync: target.synchronous,
    // MinIO would ask the other store for what is not here: while that site is lost, every such question hangs.
    disableProxy: true, bandwidthlimit: target.bandwidth, ...(arn === undefined ? {} : { arn }),
  };
  return {
    method: 'PUT', path: adminPath('set-remote-target'),
    query: { bucket, ...(arn === undefined ? {} : { update: 'true', creds: 'true', sync: 'true', bandwidth: 'true', proxy: 'true' }) },
    body: await client.sealed(body),
  };
}
