/** What is set up around one drill: an engine of its own, a policy and a token that may write into it alone; taken away again whatever happens. */
import { z } from 'zod';
import type { ClusterHost } from '../../operations/inventory.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import type { VaultObserver } from '../../operations/vault/observe.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import { VaultTrouble } from '../../services/vault/trouble.ts';
import { failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { rangesOf } from '../measure.ts';
import type { Recording } from '../record.ts';
import type { Counted, PreparedStage } from '../service.ts';
import { DRILL_MOUNT, startWriter, WRITER } from './client.ts';

const DESCRIPTION = 'Made by care-provision drill';
const POLICY = `path "${DRILL_MOUNT}/*" {\n  capabilities = ["create", "read", "update", "list"]\n}\n`;
/** Seconds: longer than any drill. */
const TOKEN_SECONDS = 7200;
const ASK_SECONDS = 60;
export const CLEAR_BY_HAND = `what the drill has made could not be removed: bao secrets disable ${DRILL_MOUNT}; bao policy delete ${DRILL_MOUNT}`;

const Token = z.object({ auth: z.object({ client_token: z.string() }) });
const Mount = z.looseObject({ description: z.string().default('') });
const NONE: Recording = { acknowledged: [], errors: [], errorsNotKept: 0 };

/** Works as the operator; what the server refuses becomes an error for people. @throws Diagnostic */
export async function asOperator<T>(observer: VaultObserver, host: ClusterHost, work: (operator: VaultClient) => Promise<T>): Promise<T> {
  const operator = observer.operator(host);
  try {
    return await work(operator);
  } catch (error) {
    if (!(error instanceof VaultTrouble)) throw error;
    throw failure('vault-trouble', `${host.name}: ${error.trouble.msg}`, { remedy: error.trouble.remedy, cause: error });
  } finally {
    await operator.close();
  }
}

/** @param signal of the run: what is made by then is cleared all the same @throws Diagnostic */
export async function setStage(cluster: VaultCluster, observer: VaultObserver, leader: ClusterHost, signal: AbortSignal): Promise<PreparedStage> {
  const limits = { signal, timeoutSeconds: ASK_SECONDS };
  const token = await asOperator(observer, leader, async (operator) => {
    const there = (await operator.read('sys/mounts', limits))?.[`${DRILL_MOUNT}/`];
    if (there !== undefined) {
      if (Mount.parse(there).description !== DESCRIPTION) throw failure('not-ours', `there is an engine ${DRILL_MOUNT} that no drill has made`, { remedy: 'move it elsewhere: drills write there' });
      await operator.remove(`sys/mounts/${DRILL_MOUNT}`, limits);
    }
    await operator.write(`sys/mounts/${DRILL_MOUNT}`, { type: 'kv', description: DESCRIPTION }, limits);
    await operator.write(`sys/policies/acl/${DRILL_MOUNT}`, { policy: POLICY }, limits);
    // Without a parent: the operator's own token ends with this client.
    return new Secret(Token.parse(await operator.write('auth/token/create', { policies: [DRILL_MOUNT], no_default_policy: true, no_parent: true, ttl: `${String(TOKEN_SECONDS)}s`, renewable: false, display_name: DRILL_MOUNT }, limits)).auth.client_token);
  });
  return {
    way: `to the members in turn (${cluster.members.map((m) => m.name).join(', ')})`,
    begin(now) {
      const writer = startWriter({ observer, members: cluster.members, token, now });
      return {
        writer: () => writer.recording(),
        prober: () => NONE,
        stop: async () => ({ writer: await writer.stop(), prober: NONE, counts: [] }),
      };
    },
  };
}

/** The entries that are there now. @returns undefined, with the reason, when they can't be listed */
export async function countEntries(observer: VaultObserver, leader: ClusterHost): Promise<Counted> {
  const operator = observer.operator(leader);
  try {
    const keys = await operator.list(`${DRILL_MOUNT}/${WRITER}`, { ...observer.limits, timeoutSeconds: ASK_SECONDS });
    return { found: rangesOf(WRITER, keys.map(Number)), why: undefined };
  } catch (error) {
    if (!(error instanceof VaultTrouble)) throw error;
    return { found: undefined, why: error.message };
  } finally {
    await operator.close();
  }
}

/** Not ended by Ctrl-C. @throws Diagnostic */
export async function clearStage(observer: VaultObserver, leader: ClusterHost): Promise<void> {
  const limits = { signal: uninterrupted(), timeoutSeconds: ASK_SECONDS };
  await asOperator(observer, leader, async (operator) => {
    await operator.remove(`sys/mounts/${DRILL_MOUNT}`, limits);
    // The token ends by itself; without its policy it may do nothing.
    await operator.remove(`sys/policies/acl/${DRILL_MOUNT}`, limits);
  });
}
