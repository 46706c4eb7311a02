/** Which of a bucket's objects is the backup that is asked for. Pure. */

/** An object, by its whole name in the bucket, without a slash before it. */
export interface Stored {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

export interface Backup extends Stored {
  /** The folder that it is in, which is its host's name. */
  readonly host: string;
  readonly file: string;
  /** When it was taken, by its name: `2026-11-27T01:03:00Z`. */
  readonly time: string;
}

/** How files of backups are named: BEGINS…-TIME SUFFIX, with TIME as `date -u +%Y%m%dT%H%M%SZ` writes it. */
export interface Naming {
  /** Folder in the bucket, without slashes at its ends; empty: none. */
  readonly folder: string;
  readonly begins: string;
  readonly suffix: string;
}

const TIME = /^(?:.*-)?(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Reads the name of an object; undefined for what is no backup: other files, sums, what lies deeper. */
export function backupOf({ key, size }: Stored, { folder, begins, suffix }: Naming): Backup | undefined {
  const inside = folder === '' ? key : key.startsWith(`${folder}/`) ? key.slice(folder.length + 1) : '';
  const [host = '', file = '', ...deeper] = inside.split('/');
  if (host === '' || deeper.length > 0 || !file.startsWith(begins) || !file.endsWith(suffix)) return undefined;
  const [, year, month, day, hour, minute, second] = TIME.exec(file.slice(begins.length, -suffix.length)) ?? [];
  if (second === undefined) return undefined;
  return { key, size, host, file, time: `${String(year)}-${String(month)}-${String(day)}T${String(hour)}:${String(minute)}:${second}Z` };
}

/** The name of the sum that stands beside a backup; without it, one is not whole. */
export function sumOf(key: string): string {
  return `${key}.sha256`;
}

/** All that are whole, the newest first. By the times in their names: what was copied again is no newer for that. */
export function wholeBackups(stored: readonly Stored[], naming: Naming): readonly Backup[] {
  const keys = new Set(stored.map((each) => each.key));
  const whole = stored.flatMap((each) => backupOf(each, naming) ?? []).filter((each) => keys.has(sumOf(each.key)));
  return whole.sort((a, b) => (a.time === b.time ? (a.key < b.key ? -1 : 1) : a.time < b.time ? 1 : -1));
}

/** The key of one that is named as FILE or HOST/FILE; undefined when FILE alone does not tell its host. */
export function keyOfName(name: string, { folder, begins, suffix }: Naming): string | undefined {
  const inFolder = (of: string): string => (folder === '' ? of : `${folder}/${of}`);
  if (name.includes('/')) return inFolder(name);
  const host = /^(.+)-\d{8}T\d{6}Z$/.exec(name.slice(begins.length, -suffix.length))?.[1];
  return host === undefined || !name.startsWith(begins) || !name.endsWith(suffix) ? undefined : inFolder(`${host}/${name}`);
}

/** The digest in a file of sha256sum; undefined when it holds none. */
export function digestIn(text: string): string | undefined {
  return /^([0-9a-f]{64})\b/.exec(text)?.[1];
}
