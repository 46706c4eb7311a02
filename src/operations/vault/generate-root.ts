/**
 * `vault access`: sets the operators' access up anew with key shares, for a cluster whose CA of operators was lost. A root token
 * is made with enough shares, used for that alone, and given back.
 */
import { z } from 'zod';
import { failure } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { setUpAccess } from '../../services/vault/access.ts';
import type { VaultClient } from '../../services/vault/client.ts';
import { refusesShares, VaultTrouble } from '../../services/vault/trouble.ts';
import type { ClusterHost } from '../inventory.ts';
import type { VaultCluster } from './cluster.ts';
import { tryOperator, withRoot } from './init.ts';
import type { VaultObserver } from './observe.ts';

const Attempt = z.object({ nonce: z.string(), otp: z.string(), required: z.int() });
const Update = z.object({ complete: z.boolean(), encoded_token: z.string().default(''), progress: z.int(), required: z.int() });

/** The token is XORed with the one-time password that only we have heard (API, "generate-root"). */
export function decodeToken(encoded: string, otp: string): Secret {
  const bytes = Buffer.from(encoded, 'base64');
  const key = Buffer.from(otp, 'utf8');
  if (bytes.length !== key.length) throw new Error('the encoded token is not as long as its one-time password');
  return new Secret(Buffer.from(bytes.map((byte, i) => byte ^ (key[i] ?? 0))).toString('utf8'));
}

/** Seconds for one share. */
const REQUEST_SECONDS = 60;

const DISABLED = 'the server does not let key shares make a root token: apply playbooks/vault.yml with -e vault_generate_root=true (members restart one at a time), run this, and apply once more without';

async function makeRoot(anybody: VaultClient, shares: readonly Secret[], observer: VaultObserver): Promise<Secret> {
  const { limits } = observer;
  let attempt: z.output<typeof Attempt>;
  try {
    // One that somebody has begun would be of another one-time password.
    await anybody.remove('sys/generate-root/attempt', limits);
    attempt = Attempt.parse(await anybody.write('sys/generate-root/attempt', {}, limits));
  } catch (error) {
    if (error instanceof VaultTrouble && error.trouble.kind === 'refused') throw failure('generate-root-disabled', 'no root token can be made', { detail: error.trouble.msg, remedy: DISABLED, cause: error });
    throw error;
  }
  if (shares.length < attempt.required) {
    await anybody.remove('sys/generate-root/attempt', limits);
    throw failure('more-shares', `${String(attempt.required)} shares are needed at once, and ${String(shares.length)} ${shares.length === 1 ? 'is' : 'are'} at hand`, { remedy: 'bring the holders together: --identity FILE for each, or --stdin' });
  }
  let update: z.output<typeof Update> | undefined;
  // Not to be interrupted: a token whose answer nobody hears is there all the same.
  const whole = { signal: uninterrupted(), timeoutSeconds: REQUEST_SECONDS };
  try {
    for (const share of shares.slice(0, attempt.required)) update = Update.parse(await anybody.write('sys/generate-root/update', { key: share.reveal(), nonce: attempt.nonce }, whole));
  } catch (error) {
    // Should it not be heard, the next attempt takes its place.
    await anybody.remove('sys/generate-root/attempt', whole).catch(() => undefined);
    if (!(error instanceof VaultTrouble)) throw error;
    if (refusesShares(error.trouble)) throw failure('wrong-share', `the shares make no root token: ${error.trouble.msg}`, { remedy: 'one of them is wrong or of before a rekey', cause: error });
    if (error.trouble.kind === 'lost') throw failure('root-token-lost', `the answer did not come, and a root token may have been made that nobody has: ${error.trouble.msg}`, { remedy: 'run vault access once more: it lists the root tokens that there are, to be revoked by their accessors', cause: error });
    throw error;
  }
  if (update?.complete !== true) throw failure('more-shares', 'the shares were not enough for a root token');
  return decodeToken(update.encoded_token, attempt.otp);
}

const Accessors = z.object({ accessor: z.string(), creation_time: z.int(), policies: z.array(z.string()) });

export interface RootToken {
  readonly accessor: string;
  /** ISO 8601. */
  readonly created: string;
}

/** Root tokens besides the one in use: of an answer that was lost, or of people who keep one. */
async function otherRootTokens(root: VaultClient, observer: VaultObserver): Promise<readonly RootToken[]> {
  const own = (await root.read('auth/token/lookup-self', observer.limits))?.['accessor'];
  const found: RootToken[] = [];
  for (const accessor of await root.list('auth/token/accessors', observer.limits)) {
    if (accessor === own) continue;
    try {
      const told = Accessors.parse(await root.write('auth/token/lookup-accessor', { accessor }, observer.limits));
      if (told.policies.includes('root')) found.push({ accessor, created: new Date(told.creation_time * 1000).toISOString() });
    } catch (error) {
      // It has ended meanwhile.
      if (!(error instanceof VaultTrouble) || error.trouble.kind !== 'refused') throw error;
    }
  }
  return found;
}

export interface AccessOptions {
  readonly cluster: VaultCluster;
  readonly observer: VaultObserver;
  /** The leader. */
  readonly host: ClusterHost;
  readonly shares: readonly Secret[];
  readonly now: Date;
  /** Called once the cluster has taken the shares. */
  readonly accepted?: () => void;
}

/** @returns root tokens that there are besides @throws Diagnostic, VaultTrouble */
export async function renewAccess({ cluster, observer, host, shares, now, accepted }: AccessOptions): Promise<readonly RootToken[]> {
  const authority = cluster.operatorAuthority();
  const anybody = observer.client(host, { type: 'none' });
  let token: Secret;
  try {
    token = await makeRoot(anybody, shares, observer);
  } finally {
    await anybody.close();
  }
  const root = observer.client(host, { type: 'token', token });
  let others: readonly RootToken[] = [];
  await withRoot(root, async () => {
    accepted?.();
    await setUpAccess(root, authority, Math.floor(now.getTime() / 1000), { ...observer.limits, timeoutSeconds: 60 });
    await tryOperator(observer, host);
    others = await otherRootTokens(root, observer);
  });
  return others;
}
