/** What every module must know first: whether a store answers, and what stands in for it in check mode. */
import { defineQuery } from '../../../host/define-query.ts';
import type { AnyQuery, ServiceQuery } from '../../../host/query.ts';
import { FactsNeeded, type HostView } from '../../../host/view.ts';
import { loginName, type S3Login } from '../../../services/s3/login.ts';
import type { Trouble } from '../../../services/s3/trouble.ts';
import { defineS3Query, type Answer, type S3Key } from './kind.ts';
import { refuse, undecided } from '../refused.ts';

export { planned, refuse } from '../refused.ts';

/** Lists the buckets: an account that may list none is told so, and one with a wrong key is told that. */
export const server = defineS3Query<S3Key, 'up'>({
  name: 's3-server',
  of: 'login',
  subject: () => '',
  describe: (key) => `the S3 store for ${loginName(key.login)}`,
  ask: async (_key, asker) => {
    await asker.readUnless(['AccessDenied'], { method: 'GET', path: '/' });
    return 'up';
  },
});

/** Whether a file system of the host has the data of a MinIO: a store that does not answer may then be a stopped one. */
export const hasStoreData = defineQuery<null, boolean>({
  name: 's3-store-data',
  id: () => '',
  describe: () => 'data of MinIO on the drives',
  probe: () => `care_found=no; while read -r _ care_at _; do if [ -e "$care_at/.minio.sys/format.json" ]; then care_found=yes; fi; done </proc/self/mounts; echo "$care_found"`,
  parse: (keys, output) => keys.map(() => output.head.toString('latin1').trim() === 'yes'),
  volatile: true,
});

function refuseTrouble(trouble: Trouble): never {
  refuse(trouble.msg, trouble.remedy);
}

/** Whether the store answers; false in check mode for one that earlier tasks would make. */
function isThere(host: HostView, login: S3Login): boolean {
  const query = server({ login });
  const fact = host.fact(query);
  if (fact.ok) return true;
  const { trouble } = fact;
  if (!host.checkMode || trouble.kind !== 'silent' || host.uncertain(query) === undefined) return refuseTrouble(trouble);
  if (host.fact(hasStoreData(null))) undecided(`the store does not answer now (${trouble.msg}), and there is data of one: what it holds is known once it runs`);
  return false;
}

/**
 * A fact of the store, for a plan that may be refused.
 *
 * @param fresh what it is in a store that was just made
 */
export function known<Value>(host: HostView, query: ServiceQuery<Answer<Value>> & { readonly key: S3Key }, fresh: Value): Value {
  if (isThere(host, query.key.login)) {
    const fact = host.fact(query);
    return fact.ok ? fact.value : refuseTrouble(fact.trouble);
  }
  try {
    const fact = host.fact(query);
    return fact.ok ? fact.value : fresh;
  } catch (error) {
    // Nothing that earlier tasks would have set.
    if (error instanceof FactsNeeded) return fresh;
    throw error;
  }
}

/** What to ask: first whether a store answers, and only then the rest. */
export function asked(host: HostView, login: S3Login, queries: readonly AnyQuery[]): readonly AnyQuery[] {
  const first = server({ login });
  return host.fact(first).ok ? [first, ...queries] : [first];
}
