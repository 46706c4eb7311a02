import type { ServiceChange } from '../../../host/plan.ts';
import type { HostView } from '../../../host/view.ts';
import type { S3Login } from '../../../services/s3/login.ts';
import { settle, type AspectOf, type Held } from './aspect.ts';
import { known, refuse } from './server.ts';

/** The same as {@link settle} for a bucket that must be there; one that is not has no settings to take away. */
export function settleExisting<Config>(of: AspectOf<Config>, host: HostView, login: S3Login, bucket: string, wished: Config | null): readonly ServiceChange[] {
  const held = known<Held<Config>>(host, of.query({ login, bucket }), { bucket: false });
  if (held.bucket) return settle(of, host, login, bucket, wished, held);
  if (wished === null) return [];
  return refuse(`there is no bucket ${bucket}`, 'make it in an earlier task (s3_bucket), or correct its name');
}
