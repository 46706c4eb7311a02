/** Copies of backups in object storage, as a control plane knows them: what asks there, and what is wrong with them. Pure but for its text. */
import { sh, type Script } from '../../support/shell.ts';

export interface CopiesSeen {
  /** Where this host's copies are. */
  readonly url: string;
  /** The newest that the store said it has, as it is on the host; undefined where it has none, or has said nothing. */
  readonly newest: { readonly file: string; readonly time: number } | undefined;
  /** Of when the newest was that was copied, by the host's own notes, seconds since the epoch; undefined where none ever was. */
  readonly noted: number | undefined;
  /** Why the store has said nothing; empty where it has. */
  readonly trouble: string;
}

const HOUR = 3600;
/** care-s3-copy gives a store 25. */
const ASK_SECONDS = 30;

/** Asks the store, with the account that copies. Of care-s3-copy, which role etcd_backup has made copies with under that name. */
export function copiesScript(backupDirectory: string): Script {
  return sh`care_settings=/etc/care-s3-copy/kubernetes-backup.settings
if [ -f "$care_settings" ]; then
  printf '@copies %s\n' "$(sed -n 's/^url //p' "$care_settings")"
  care_out=$(stat -c %Y -- ${backupDirectory}/.s3-copied 2>/dev/null) && printf '@noted %s\n' "$care_out"
  care_out=$(timeout ${String(ASK_SECONDS)} care-s3-copy newest kubernetes-backup 2>&1 </dev/null)
  case $? in
    0) [ -z "$care_out" ] || printf '@copy %s\n' "$care_out" ;;
    64 | 127) printf '@nocopy %s\n' 'its care-s3-copy is of an earlier release: apply playbooks/kubernetes-backup.yml' ;;
    *) [ -n "$care_out" ] || care_out='it says nothing in time'; printf '@nocopy %s\n' "$(printf %s "$care_out" | tail -n 1)" ;;
  esac
fi`;
}

/** @param of the words of the lines that begin with a tag. @returns undefined where no copies are made */
export function readCopies(of: (tag: string) => readonly (readonly string[])[]): CopiesSeen | undefined {
  const [url] = of('@copies');
  if (url === undefined) return undefined;
  const [copy] = of('@copy');
  const [noted] = of('@noted');
  const [time = '', ...file] = copy ?? [];
  return { url: url.join(' '), newest: copy === undefined ? undefined : { time: Number(time), file: file.join(' ') }, noted: noted === undefined ? undefined : Number(noted[0]), trouble: of('@nocopy').map((words) => words.join(' ')).join('; ') };
}

/** Of when the newest copy is, as far as it is known; seconds since the epoch. */
export function copyTime(copies: CopiesSeen): number | undefined {
  return copies.newest?.time ?? (copies.trouble === '' ? undefined : copies.noted);
}

/**
 * @param host its name
 * @param copies undefined where it makes none
 * @param wanted where the inventory wants copies; empty: nowhere
 */
export function copyTroubles(host: string, copies: CopiesSeen | undefined, now: number, { wanted, maxHours }: { readonly wanted: string; readonly maxHours: number }): { readonly problems: readonly string[]; readonly warnings: readonly string[] } {
  if (copies === undefined) return { problems: [], warnings: wanted === '' ? [] : [`${host}: no backup is copied to ${wanted}: apply playbooks/kubernetes-backup.yml`] };
  const time = copyTime(copies);
  const late = time !== undefined && now - time > maxHours * HOUR;
  return {
    problems: late ? [`${host}: the newest copy of a backup in ${copies.url} is of ${String(Math.floor((now - time) / HOUR))} hours ago, more than ${String(maxHours)}${copies.newest === undefined ? ', as far as is known here' : ''}`] : [],
    warnings: [
      ...(copies.trouble === '' ? [] : [`${host}: the store of copies can't be asked: ${copies.trouble.replace(/^care-s3-copy: /, '')}`]),
      ...(copies.trouble === '' && time === undefined ? [`${host}: there is no copy of a backup in ${copies.url}`] : []),
    ],
  };
}
