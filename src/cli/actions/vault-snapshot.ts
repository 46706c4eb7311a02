/** `vault snapshot|restore`. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { AgeProblem, decryptAge } from '../../language/secrets/age-decrypt.ts';
import { replaceFile } from '../../language/secrets/files.ts';
import { isAgeFile } from '../../language/secrets/index.ts';
import { encryptBytesFor } from '../../language/secrets/recipients.ts';
import { inspectSnapshot, putSnapshot, takeSnapshot, type SnapshotContent } from '../../operations/vault/snapshot.ts';
import type { VaultCluster } from '../../operations/vault/cluster.ts';
import { chosenSnapshot, newestFirst, openStore, type SnapshotStore } from '../../operations/vault/storage.ts';
import { untilServing } from '../../operations/vault/unseal.ts';
import { badInput, Diagnostic, ExitStatus, failure } from '../../support/diagnostic.ts';
import { safeLine } from '../../support/terminal-text.ts';
import type { VaultFlags, VaultRestoreFlags } from '../commands/vault.ts';
import type { CliContext } from '../context.ts';
import { askOnTerminal } from '../terminal/prompt.ts';
import { asOperator, leaderOf } from './vault-keys.ts';
import { identitiesAtHand } from './vault-shares.ts';
import { withVault, writeResult, type Work } from './vault.ts';

async function writeSnapshot(cluster: VaultCluster, file: string, content: Buffer): Promise<void> {
  const recipients = cluster.holders().holders.map((h) => h.recipient);
  replaceFile(file, await encryptBytesFor(recipients, content), undefined, 0o600);
}

export async function vaultSnapshotAction(context: CliContext, inventory: string, flags: VaultFlags & { readonly to: string }): Promise<ExitStatus> {
  const file = path.resolve(context.cwd, flags.to);
  if (existsSync(file)) throw badInput('file-exists', `${flags.to} is there already`, { remedy: 'give another name: no snapshot is overwritten' });
  if (!existsSync(path.dirname(file))) throw badInput('no-folder', `there is no folder ${path.dirname(flags.to)}`);
  return withVault(context, inventory, flags, undefined, async (at) => {
    const { cluster, observer } = at;
    cluster.holders();
    const { host } = leaderOf(cluster, await observer.look());
    const { content, seen } = await asOperator(at, host, (operator) => takeSnapshot(operator, observer));
    await writeSnapshot(cluster, file, content);
    writeResult(context, flags, { cluster: cluster.name, file, bytes: seen.bytes, index: seen.index }, `${safeLine(flags.to)}: ${String(seen.bytes)} bytes, raft index ${String(seen.index)}, readable by ${cluster.holders().holders.map((h) => h.name).join(', ')}`);
    return ExitStatus.ok;
  });
}

/** A snapshot and where it was found. */
interface ReadSnapshot {
  readonly content: Buffer;
  readonly seen: SnapshotContent;
  readonly from: string;
}

/** `s3:NAME` is one in object storage. */
const STORED = 's3:';

/** @throws Diagnostic when it cannot be read or is no snapshot */
async function decrypted(context: CliContext, flags: VaultRestoreFlags, from: string, read: Buffer): Promise<ReadSnapshot> {
  let content = read;
  if (isAgeFile(content)) {
    try {
      content = decryptAge(content, { identities: identitiesAtHand(context, flags) });
    } catch (error) {
      if (!(error instanceof AgeProblem)) throw error;
      throw badInput('unreadable-snapshot', `${from} cannot be read: ${error.message}`, { remedy: 'a key holder reads it: --identity FILE', cause: error });
    }
  }
  return { content, seen: await inspectSnapshot(content), from };
}

/** From a file of the controller. @throws Diagnostic */
async function readFile(context: CliContext, flags: VaultRestoreFlags): Promise<ReadSnapshot> {
  const file = path.resolve(context.cwd, flags.from);
  if (!existsSync(file)) throw badInput('no-snapshot', `there is no file ${flags.from}`);
  return decrypted(context, flags, flags.from, readFileSync(file));
}

async function withStore<T>({ cluster, hosts, observer }: Work, work: (store: SnapshotStore) => Promise<T>): Promise<T> {
  const store = await openStore(cluster.storage(), cluster.members, hosts, observer.limits.signal);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** From the object storage. @throws Diagnostic */
async function readStored(context: CliContext, flags: VaultRestoreFlags, at: Work): Promise<ReadSnapshot> {
  return withStore(at, async (store) => {
    const chosen = chosenSnapshot(await store.list(), flags.from.slice(STORED.length), at.cluster.name);
    at.say(`${chosen.name}: ${String(chosen.bytes)} bytes`);
    return decrypted(context, flags, `${STORED}${chosen.name}`, await store.fetch(chosen));
  });
}

export async function vaultSnapshotsAction(context: CliContext, inventory: string, flags: VaultFlags): Promise<ExitStatus> {
  return withVault(context, inventory, flags, undefined, async (at) => {
    const all = newestFirst(await withStore(at, (store) => store.list()));
    writeResult(context, flags, { cluster: at.cluster.name, snapshots: all }, all.length === 0 ? 'none' : all.map(({ name, bytes, stored }) => `${safeLine(name)}  ${String(bytes)} bytes, stored ${safeLine(stored)}`).join('\n'));
    return ExitStatus.ok;
  });
}

async function confirmed(context: CliContext, cluster: VaultCluster, given: string | undefined, question: string): Promise<void> {
  if (given === undefined && !context.interactive) throw new Diagnostic({ kind: 'usage', code: 'no-terminal', summary: 'there is nobody at a terminal to confirm this', detail: question, remedy: `add --confirm ${cluster.name} when it is meant` });
  const name = given ?? (await askOnTerminal(`${question} Type the cluster's name to go on`, false)).trim();
  if (name !== cluster.name) throw new Diagnostic({ kind: given === undefined ? 'interrupted' : 'usage', code: 'not-confirmed', summary: `not confirmed: the cluster is ${cluster.name}, not ${name}; nothing was done` });
}

/** @returns 0 when the members serve what the snapshot holds; 3 when they wait for the keys that it was taken under */
export async function vaultRestoreAction(context: CliContext, inventory: string, flags: VaultRestoreFlags): Promise<ExitStatus> {
  // A file that is none is told before any host is asked.
  const read = flags.from.startsWith(STORED) ? undefined : await readFile(context, flags);
  return withVault(context, inventory, flags, `vault restore ${inventory}`, async (at) => {
    const { cluster, observer, say } = at;
    const { content, seen, from } = read ?? (await readStored(context, flags, at));
    const before = await observer.look();
    const { host } = leaderOf(cluster, before);
    await confirmed(context, cluster, flags.confirm, `Everything that ${cluster.name} holds is replaced by ${from} (raft index ${String(seen.index)}).`);
    const kept = path.join(cluster.shareDirectory, `before-restore-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.snap.age`);
    await asOperator(at, host, async (operator) => {
      await writeSnapshot(cluster, kept, (await takeSnapshot(operator, observer)).content);
      say(`what there was is in ${kept}`);
      await putSnapshot(operator, observer, content, flags.foreign === true);
    });
    if (flags.foreign === true) {
      writeResult(context, flags, { cluster: cluster.name, index: seen.index, before: kept, sealed: true }, 'the snapshot is in place. Its own keys open it now: put the list and files of its key shares into the folder of the shares, restart care-vault on all members, then care-provision vault unseal');
      return ExitStatus.failed;
    }
    try {
      await untilServing(cluster, observer, before.filter((m) => m.seal?.sealed === false).map((m) => m.name), flags.timeout);
    } catch (error) {
      if (!(error instanceof Diagnostic)) throw error;
      throw failure('restore-not-served', 'the snapshot is in place, but not all members serve it', { detail: error.message, remedy: `care-provision vault status; what there was before is in ${kept}`, cause: error });
    }
    writeResult(context, flags, { cluster: cluster.name, index: seen.index, before: kept, sealed: false }, `${context.paint('green', 'restored')} to raft index ${String(seen.index)}; what there was before is in ${safeLine(kept)}`);
    return ExitStatus.ok;
  });
}
