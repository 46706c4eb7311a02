/** What can go wrong with an OpenBao or Vault server, in words for people. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';

/**
 * `silent`: nobody answers there; `sealed`, `uninitialized`: it answers and can't serve; `no-leader`: it has no active node to ask;
 * `refused`: it said no; `lost`: the connection broke while it was at work, so that what became of a change is not known.
 */
export type TroubleKind = 'silent' | 'sealed' | 'uninitialized' | 'no-leader' | 'refused' | 'lost';

export interface Trouble {
  readonly kind: TroubleKind;
  /** HTTP status, where there is one. */
  readonly status: number | undefined;
  readonly msg: string;
  readonly remedy: string | undefined;
}

export class VaultTrouble extends Error {
  override readonly name = 'VaultTrouble';
  readonly trouble: Trouble;

  constructor(trouble: Trouble, cause?: unknown) {
    super(trouble.remedy === undefined ? trouble.msg : `${trouble.msg}\nTo do: ${trouble.remedy}`, cause === undefined ? undefined : { cause });
    this.trouble = trouble;
  }
}

const REMEDIES: Readonly<Record<Exclude<TroubleKind, 'refused'>, string>> = {
  silent: 'see whether it runs there: systemctl status care-vault; journalctl -u care-vault',
  sealed: 'unseal it: care-provision vault unseal INVENTORY',
  uninitialized: 'initialise the cluster once: care-provision vault init INVENTORY',
  'no-leader': 'see who is up and unsealed: care-provision vault status INVENTORY; a majority of the members is needed',
  lost: 'look at what became of it, then run again',
};

export function troubleWith(kind: Exclude<TroubleKind, 'refused'>, msg: string, cause?: unknown): VaultTrouble {
  return new VaultTrouble({ kind, status: undefined, msg: maskSecrets(msg), remedy: REMEDIES[kind] }, cause);
}

function refusalRemedy(status: number, words: string): string | undefined {
  if (/permission denied/.test(words)) return 'the token may not do this: give its policy the path, or log in as another';
  if (/invalid role or secret/i.test(words)) return 'correct role_id and secret_id; secret ids end, and can be used up';
  if (/(invalid certificate|no chain matching|client certificate must be supplied|failed to match)/i.test(words)) return 'the CA that signs clients is not the one that the auth method knows: restore vault_operator_authority, or set access up anew: care-provision vault access INVENTORY';
  if (/no handler for route|unsupported path|route entry not found/.test(words)) return 'nothing is mounted at this path: mount it in an earlier task (vault_mount, vault_auth), or correct the path';
  if (/path is already in use/.test(words)) return 'something else is mounted there: choose another path, or unmount it';
  if (/plugin not found in the catalog/.test(words)) return 'this build of the server does not bring that engine or method along: register its plugin (sys/plugins/catalog), or choose another';
  if (/already been provided/.test(words)) return 'this share has counted already: the other holders give theirs';
  if (/(incorrect nonce|in progress|no current active root generation)/.test(words)) return 'somebody has begun it anew, or ended it, meanwhile: run the command again';
  return status === 429 ? 'it has too much to do: run again later' : undefined;
}

/**
 * Whether a server has refused key shares for what they are: they are no shares, or together they open nothing. It says so with 400, or with 500 where
 * what they make cannot decrypt the root key (OpenBao and Vault: vault/core.go, rekey.go, generate_root.go, seal.go). Any other refusal (a share that has
 * counted already, an attempt that somebody else began, no right to ask, storage that fails) says nothing of them.
 */
export function refusesShares({ kind, msg, status }: Trouble): boolean {
  const words = /(invalid key|key is (?:shorter|longer) than|valid hex or base64|key verification failed|message authentication failed|root generation aborted|failed to (?:compute|combine|decrypt))/i;
  return kind === 'refused' && (status === 400 || status === 500) && words.test(msg);
}

/** An answer that is no success. @param what `GET sys/mounts` */
export function refusal(status: number, errors: readonly string[], what: string): VaultTrouble {
  const words = maskSecrets(errors.join('; '));
  if (status === 503 && /sealed/i.test(words)) return troubleWith('sealed', 'it is sealed');
  if (/not initialized/i.test(words)) return troubleWith('uninitialized', 'it is not initialised');
  // A standby that has lost the way to its leader, or has one that leads no more, sends clients there themselves ("client redirection").
  if (status === 307) return troubleWith('no-leader', 'it does not reach its leader, and sends on whoever asks (status 307)');
  if (status >= 500 && /(no active|local node not active but active cluster node not found|leader not found|not the leader|raft is shutting down)/i.test(words)) return troubleWith('no-leader', `it has no leader: ${words}`);
  return new VaultTrouble({ kind: 'refused', status, msg: `${what}: ${words === '' ? `status ${String(status)}` : `${words} (status ${String(status)})`}`, remedy: refusalRemedy(status, words) });
}

/**
 * Any error on the way to a server as a trouble.
 *
 * @param at whether it happened before or after the request may have reached the server
 * @returns the error itself when it is about the host and not about the server
 */
export function troubleOf(error: unknown, at: 'connecting' | 'at work', server: string): VaultTrouble | Diagnostic {
  if (error instanceof VaultTrouble) return error;
  if (error instanceof Diagnostic && error.kind !== 'failed') return error;
  const words = error instanceof Error ? error.message : String(error);
  return troubleWith(at === 'connecting' ? 'silent' : 'lost', `${server} ${at === 'connecting' ? 'does not answer' : 'broke off'}: ${words}`, error);
}
