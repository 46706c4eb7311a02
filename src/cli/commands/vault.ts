/** `vault`: a look at an OpenBao or Vault cluster, and what only people may do with it: initialise, unseal, rekey, restore. */
import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';
import { onCluster, type ClusterFlags } from './on-cluster.ts';

export type VaultFlags = ClusterFlags;

export interface VaultWaitFlags extends VaultFlags {
  /** Seconds. */
  readonly timeout: number;
  readonly yes?: boolean;
}

export interface VaultShareFlags extends VaultWaitFlags {
  /** Files with age identities. */
  readonly identity: readonly string[];
  readonly stdin?: boolean;
  readonly member: readonly string[];
}

export interface VaultRestoreFlags extends VaultShareFlags {
  readonly from: string;
  /** The cluster's name, written out. */
  readonly confirm?: string;
  readonly foreign?: boolean;
}

export interface VaultTokenFlags extends VaultFlags {
  readonly policy: readonly string[];
  /** As the server writes durations. */
  readonly period: string;
}

const collect = (word: string, all: readonly string[]): readonly string[] => [...all, word];

export function vaultCommand(session: Session): Command {
  const command = new Command('vault').description('look at an OpenBao or Vault cluster, and operate it');
  const sub = (name: string, description: string): Command => onCluster(command, name, description);
  const waiting = (child: Command, seconds: number): Command => child.addOption(new Option('--timeout <seconds>', 'how long to wait for the members').argParser(integer(5, 86_400)).default(seconds));
  const sharing = (child: Command): Command =>
    child
      .option('--identity <file>', 'age identity that opens shares; may be repeated; default: CARE_IDENTITY_FILE, else the usual place', collect, [])
      .option('--stdin', 'read shares from standard input, one a line, in place of files');

  sub('status', 'show the members, who leads, seals and raft peers; exit status 3 when it is not healthy').action(async (inventory: string, flags: VaultFlags) => {
    const { vaultStatusAction } = await import('../actions/vault.ts');
    session.status = await vaultStatusAction(session.context, inventory, flags);
  });
  waiting(sub('init', 'initialise a new cluster once: key shares go to their holders, encrypted, and no root token stays'), 180)
    .option('-y, --yes', 'do not ask')
    .action(async (inventory: string, flags: VaultWaitFlags) => {
      const { vaultInitAction } = await import('../actions/vault.ts');
      session.status = await vaultInitAction(session.context, inventory, flags);
    });
  waiting(sharing(sub('unseal', 'give the key shares that you hold to the members that are sealed; exit status 3 while more shares are needed')), 60)
    .option('--member <host>', 'only this member; may be repeated; default: all that are sealed', collect, [])
    .action(async (inventory: string, flags: VaultShareFlags) => {
      const { vaultUnsealAction } = await import('../actions/vault.ts');
      session.status = await vaultUnsealAction(session.context, inventory, flags);
    });
  waiting(sharing(sub('rekey', 'make new key shares for the holders that the inventory names now; exit status 3 while more old shares are needed')), 60)
    .option('--cancel', 'end a rekey that was begun: the shares stay what they are')
    .action(async (inventory: string, flags: VaultShareFlags & { readonly cancel?: boolean }) => {
      const { vaultRekeyAction } = await import('../actions/vault-keys.ts');
      session.status = await vaultRekeyAction(session.context, inventory, flags);
    });
  waiting(sharing(sub('access', 'let operators in anew with key shares, when the CA vault_operator_authority was lost')), 60).action(async (inventory: string, flags: VaultShareFlags) => {
    const { vaultAccessAction } = await import('../actions/vault-keys.ts');
    session.status = await vaultAccessAction(session.context, inventory, flags);
  });
  sub('token', 'make a token for a service that keeps it, such as the seal of another cluster, and print it: pass it on to secrets encrypt')
    .requiredOption('--policy <name>', 'what it may do: a policy that there is; may be repeated', collect, [])
    .option('--period <duration>', 'how long it lives after each renewal', '24h')
    .action(async (inventory: string, flags: VaultTokenFlags) => {
      const { vaultTokenAction } = await import('../actions/vault-token.ts');
      session.status = await vaultTokenAction(session.context, inventory, flags);
    });
  sub('snapshot', 'take a snapshot of this moment into a file of the controller, encrypted for the key holders')
    .requiredOption('--to <file>', 'the file, which must not exist')
    .action(async (inventory: string, flags: VaultFlags & { readonly to: string }) => {
      const { vaultSnapshotAction } = await import('../actions/vault-snapshot.ts');
      session.status = await vaultSnapshotAction(session.context, inventory, flags);
    });
  sub('snapshots', 'list the snapshots that members have copied to object storage, the newest first').action(async (inventory: string, flags: VaultFlags) => {
    const { vaultSnapshotsAction } = await import('../actions/vault-snapshot.ts');
    session.status = await vaultSnapshotsAction(session.context, inventory, flags);
  });
  waiting(sharing(sub('restore', 'put a snapshot in place of everything that the cluster holds')), 180)
    .requiredOption('--from <file>', 'a snapshot, as vault snapshot or a member has taken it; s3:NAME or s3:newest for one in object storage')
    .option('--confirm <cluster>', "the cluster's name; asked for on a terminal otherwise")
    .option('--foreign', 'it was taken under other keys: members are sealed by those afterwards')
    .action(async (inventory: string, flags: VaultRestoreFlags) => {
      const { vaultRestoreAction } = await import('../actions/vault-snapshot.ts');
      session.status = await vaultRestoreAction(session.context, inventory, flags);
    });
  return command;
}
