/**
 * Snapshots that members have copied to object storage (`vault_snapshot_s3_url`), as the controller finds and fetches them: through a
 * member's SSH connection, with an account of its own. The members' account can only put objects there.
 */
import { badInput, failure } from '../../support/diagnostic.ts';
import { suggestion } from '../../support/nearest.ts';
import { Secret } from '../../support/secret.ts';
import { S3Client } from '../../services/s3/client.ts';
import { listingPage, listingQuery } from '../../services/s3/listing.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import type { Limits } from '../../services/vault/client.ts';
import type { ClusterHost } from '../inventory.ts';
import { fileOfFirst, type HostAccess } from '../hosts.ts';
import { MOST_SNAPSHOT_BYTES } from './snapshot.ts';

export interface SnapshotStorage {
  /** `https://host:port` */
  readonly endpoint: string;
  readonly bucket: string;
  /** What keys begin with: empty, or with a slash at its end. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: Secret;
  /** On the members. */
  readonly caFile: string;
}

export interface StoredSnapshot {
  /** Without the prefix: `HOST/vault-CLUSTER-TIME.snap.age`. */
  readonly name: string;
  readonly bytes: number;
  /** ISO 8601. */
  readonly stored: string;
}

/** Not read in one answer: the client holds none of that length. */
const PIECE_BYTES = 8 * 1024 * 1024;
const ASK_SECONDS = 30;
/** Listings hold a thousand keys each. */
const MOST_LISTINGS = 1000;

/**
 * What the variables say.
 *
 * @throws Diagnostic (bad input) when nothing, or no address of a bucket
 */
export function snapshotStorage(variables: Readonly<Record<'url' | 'region' | 'accessKey' | 'secretKey' | 'caFile', string | undefined>>): SnapshotStorage {
  const { url, region = 'us-east-1', accessKey, secretKey, caFile = '/etc/care-provision/pki/ca.crt' } = variables;
  if (url === undefined) throw badInput('no-storage', 'the inventory says of no object storage for snapshots', { remedy: 'set vault_snapshot_s3_url; docs/vault.md, "Snapshots"' });
  if (accessKey === undefined || secretKey === undefined) throw badInput('no-storage', 'nothing says with which account the snapshots in object storage can be read', { remedy: 'set vault_snapshot_s3_read_access_key and vault_snapshot_s3_read_secret_key; hosts never get them' });
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const [bucket = '', ...folders] = parsed?.pathname.split('/').filter((part) => part !== '') ?? [];
  if (parsed?.protocol !== 'https:' || bucket === '') throw badInput('no-storage', 'vault_snapshot_s3_url must be the https address of a bucket', { remedy: 'such as https://s3.site.example:9000/vault-snapshots' });
  return { endpoint: parsed.origin, bucket, prefix: folders.length === 0 ? '' : `${folders.join('/')}/`, region, accessKey, secretKey: new Secret(secretKey), caFile };
}

/** One page of the store's answer: what snapshots are on it. */
function page(text: string, prefix: string): { readonly found: readonly StoredSnapshot[]; readonly next: string | undefined } {
  const { objects, next } = listingPage(text);
  return { found: objects.flatMap(({ key, bytes, stored }) => (key.endsWith('.snap.age') ? [{ name: key.slice(prefix.length), bytes, stored }] : [])), next };
}

/** The time that a snapshot's name says: a copy may have been made later. */
function takenAt(snapshot: StoredSnapshot): string {
  return /(\d{8}T\d{6}Z)\.snap\.age$/.exec(snapshot.name)?.[1] ?? '';
}

/** Whether it is a snapshot of that cluster: several may share a bucket, and another one's can't be told from what is in it. */
function isOf(cluster: string, { name }: StoredSnapshot): boolean {
  const file = name.slice(name.lastIndexOf('/') + 1);
  return file.startsWith(`vault-${cluster}-`) && /^\d{8}T\d{6}Z\.snap\.age$/.test(file.slice(`vault-${cluster}-`.length));
}

/**
 * The one that is meant: the cluster's newest, or any by its name.
 *
 * @throws Diagnostic (bad input) when there is none
 */
export function chosenSnapshot(all: readonly StoredSnapshot[], wanted: string, cluster: string): StoredSnapshot {
  const [newest] = newestFirst(all.filter((each) => isOf(cluster, each)));
  if (newest === undefined && (wanted === 'newest' || all.length === 0)) throw badInput('no-snapshot', `there are no snapshots of ${cluster} in the object storage`, { remedy: 'see on the members: journalctl -u care-vault-snapshot; vault_snapshot_s3_url may name another folder than theirs' });
  if (wanted === 'newest' && newest !== undefined) return newest;
  const found = all.find((each) => each.name === wanted);
  if (found !== undefined) return found;
  throw badInput('no-snapshot', `there is no snapshot ${wanted} in the object storage`, { remedy: suggestion(wanted, all.map((each) => each.name)) ?? `care-provision vault snapshots INVENTORY lists them${newest === undefined ? '' : `; the newest is ${newest.name}`}` });
}

export function newestFirst(all: readonly StoredSnapshot[]): readonly StoredSnapshot[] {
  return [...all].sort((a, b) => takenAt(b).localeCompare(takenAt(a)) || a.name.localeCompare(b.name));
}

/** The store, through one member; ends with `close`. */
export class SnapshotStore {
  readonly #storage: SnapshotStorage;
  readonly #client: S3Client;
  readonly #limits: Limits;

  constructor(storage: SnapshotStorage, hosts: HostAccess, through: ClusterHost, ca: string, signal: AbortSignal) {
    this.#storage = storage;
    this.#limits = { signal, timeoutSeconds: ASK_SECONDS };
    const { endpoint, region, accessKey, secretKey } = storage;
    this.#client = new S3Client({ endpoint, region, accessKey, secretKey, ca }, () => Promise.resolve({ forward: (host, port) => hosts.forward(through, host, port) }));
  }

  /** @throws Diagnostic `storage-trouble` */
  async list(): Promise<readonly StoredSnapshot[]> {
    const { bucket, prefix } = this.#storage;
    const all: StoredSnapshot[] = [];
    let next: string | undefined;
    for (let pages = 0; pages < MOST_LISTINGS; pages += 1) {
      const answer = await this.#asked(() => this.#client.read({ method: 'GET', path: `/${bucket}`, query: listingQuery(prefix, next) }, this.#limits));
      const seen = page(answer.body.toString('utf8'), prefix);
      all.push(...seen.found);
      next = seen.next;
      if (next === undefined) return all;
    }
    throw failure('storage-trouble', `the bucket ${bucket} holds more than ${String(MOST_LISTINGS * 1000)} objects`, { remedy: 'let its lifecycle delete old snapshots' });
  }

  /** @throws Diagnostic `storage-trouble` */
  async fetch({ name, bytes }: StoredSnapshot): Promise<Buffer> {
    if (bytes > MOST_SNAPSHOT_BYTES) throw failure('storage-trouble', `${name} has ${String(bytes)} bytes, and ${String(MOST_SNAPSHOT_BYTES)} are read at most`);
    const { bucket, prefix } = this.#storage;
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const answer = await this.#asked(() => this.#client.read({ method: 'GET', path: `/${bucket}/${prefix}${name}`, headers: { range: `bytes=${String(at)}-${String(Math.min(at + PIECE_BYTES, bytes) - 1)}` } }, this.#limits));
      pieces.push(answer.body);
    }
    const content = Buffer.concat(pieces);
    if (content.length !== bytes) throw failure('storage-trouble', `${name} came with ${String(content.length)} of its ${String(bytes)} bytes`, { remedy: 'run it again' });
    return content;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof S3Trouble)) throw error;
      throw failure('storage-trouble', `the object storage ${this.#storage.endpoint}: ${error.trouble.msg}`, { remedy: error.trouble.remedy, cause: error });
    }
  }
}

/** Opens the store through the first member that can be reached. @throws Diagnostic */
export async function openStore(storage: SnapshotStorage, members: readonly ClusterHost[], hosts: HostAccess, signal: AbortSignal): Promise<SnapshotStore> {
  const { host, text } = await fileOfFirst(hosts, members, storage.caFile);
  return new SnapshotStore(storage, hosts, host, text, signal);
}
