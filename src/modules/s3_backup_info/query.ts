/** What an S3 store says of backups in it. Reads only. */
import { listingPage, listingQuery } from '../../services/s3/listing.ts';
import { presign } from '../../services/s3/sign.ts';
import { Secret } from '../../support/secret.ts';
import { defineS3Query, type Asker, type S3Key } from '../common/s3/kind.ts';
import { backupOf, digestIn, keyOfName, sumOf, wholeBackups, type Backup, type Naming, type Stored } from './choose.ts';

export interface BackupKey extends S3Key {
  readonly bucket: string;
  readonly naming: Naming;
  /** `newest`, or a name that {@link keyOfName} knows. */
  readonly name: string;
}

export type BackupFound =
  | {
    readonly type: 'found';
    readonly backup: Backup;
    readonly sha256: string;
    /** By the store's clock, in whole hours; undefined where it tells no time. */
    readonly ageHours: number | undefined;
    /** With which whoever has it may read that one object, for {@link LINK_SECONDS}. */
    readonly link: Secret;
  }
  /** `newest`: of those that are whole, the newest few. */
  | { readonly type: 'absent'; readonly newest: readonly string[] }
  | { readonly type: 'no-sum'; readonly key: string }
  /** The account may not do what must be done for that. */
  | { readonly type: 'forbidden'; readonly what: 'list' | 'read' };

/** Hosts are made ready between the look and the download. */
const LINK_SECONDS = 6 * 3600;
/** Of a thousand objects each. */
const PAGES = 200;
const SHOWN = 3;

/** All objects of a folder; undefined when the account may not list them. */
async function list(asker: Asker, bucket: string, folder: string): Promise<readonly Stored[] | undefined> {
  const found: Stored[] = [];
  let next: string | undefined;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await asker.readUnless(['AccessDenied'], { method: 'GET', path: `/${bucket}`, query: listingQuery(folder === '' ? '' : `${folder}/`, next) });
    if (answer === undefined) return undefined;
    const listed = listingPage(answer.body.toString('utf8'));
    found.push(...listed.objects.map(({ key, bytes }) => ({ key, size: bytes })));
    next = listed.next;
    if (next === undefined) return found;
  }
  throw new Error(`more than ${String(PAGES)},000 objects are in ${bucket}/${folder}: name the one that is wanted`);
}

async function newest(asker: Asker, { bucket, naming }: BackupKey): Promise<Backup | BackupFound> {
  const stored = await list(asker, bucket, naming.folder);
  if (stored === undefined) return { type: 'forbidden', what: 'list' };
  return wholeBackups(stored, naming)[0] ?? { type: 'absent', newest: [] };
}

/** One that is named, which an account finds that may not list. */
async function named(asker: Asker, { bucket, naming, name }: BackupKey): Promise<Backup | BackupFound> {
  const key = keyOfName(name, naming);
  const nearest = async (): Promise<BackupFound> => {
    const stored = await list(asker, bucket, naming.folder);
    return { type: 'absent', newest: stored === undefined ? [] : wholeBackups(stored, naming).slice(0, SHOWN).map((each) => `${each.host}/${each.file}`) };
  };
  if (key === undefined) return nearest();
  // A HEAD is answered without a word of why not, and some stores say AccessDenied of what is not there to whom may not list.
  const first = await asker.readUnless(['NoSuchKey', 'AccessDenied'], { method: 'GET', path: `/${bucket}/${key}`, headers: { range: 'bytes=0-0' } });
  if (first === undefined) return nearest();
  const range = first.headers['content-range'];
  return backupOf({ key, size: Number(/\/(\d+)$/.exec(typeof range === 'string' ? range : '')?.[1] ?? 'NaN') }, naming) ?? nearest();
}

/** What {@link backupInStore} answers. */
export async function findBackup(key: BackupKey, asker: Asker): Promise<BackupFound> {
  const backup = await (key.name === 'newest' ? newest(asker, key) : named(asker, key));
  if ('type' in backup) return backup;
  const path = `/${key.bucket}/${backup.key}`;
  const sum = await asker.readUnless(['NoSuchKey', 'AccessDenied'], { method: 'GET', path: sumOf(path) });
  if (sum === undefined) return key.name === 'newest' ? { type: 'forbidden', what: 'read' } : { type: 'no-sum', key: backup.key };
  const sha256 = digestIn(sum.body.toString('utf8'));
  if (sha256 === undefined) return { type: 'no-sum', key: backup.key };
  const date = sum.headers['date'];
  const now = typeof date === 'string' ? Date.parse(date) : Number.NaN;
  const link = await presign(key.login, { method: 'GET', path }, LINK_SECONDS);
  return { type: 'found', backup, sha256, ageHours: Number.isNaN(now) ? undefined : Math.max(0, Math.floor((now - Date.parse(backup.time)) / 3_600_000)), link: new Secret(link.href) };
}

export const backupInStore = defineS3Query<BackupKey, BackupFound>({
  name: 's3-backup',
  subject: (key) => [key.bucket, key.naming.folder, key.naming.begins, key.naming.suffix, key.name, key.login.accessKey].join(' '),
  describe: (key) => `the backup ${key.name} in bucket ${key.bucket}`,
  ask: findBackup,
});
