/** Jobs in crontab(5) files, marked as Ansible marks them: `#Ansible: NAME` above the job's line. Pure. */

const MARK = '#Ansible: ';

export interface CronJob {
  readonly name: string;
  /** Five time fields, or `@daily` and the like. */
  readonly schedule: string;
  /** Only in files of /etc/cron.d. */
  readonly user: string | undefined;
  readonly command: string;
  readonly disabled: boolean;
}

export function jobLine(job: CronJob): string {
  const words = [job.schedule, ...(job.user === undefined ? [] : [job.user]), job.command];
  return `${job.disabled ? '#' : ''}${words.join(' ')}`;
}

/** Removes the named job (its mark and the line below it), and puts the wanted one in its place or at the end. */
export function editJobs(lines: readonly string[], name: string, job: CronJob | undefined): readonly string[] {
  const wanted = job === undefined ? [] : [`${MARK}${name}`, jobLine(job)];
  const out: string[] = [];
  let placed = false;
  for (let i = 0; i < lines.length; i += 1) {
    const line = lines[i] ?? '';
    if (line !== `${MARK}${name}`) {
      out.push(line);
      continue;
    }
    if (!placed) out.push(...wanted);
    placed = true;
    // The line below is the job, unless the mark has lost it.
    if (!(lines[i + 1] ?? MARK).startsWith(MARK)) i += 1;
  }
  return placed ? out : [...out, ...wanted];
}

/** `NAME="value"` lines of the environment, ahead of the jobs. */
export function editEnvironment(lines: readonly string[], name: string, value: string | undefined): readonly string[] {
  const isOwn = (line: string): boolean => new RegExp(`^${name}\\s*=`).test(line);
  const wanted = value === undefined ? [] : [`${name}="${value}"`];
  const at = lines.findIndex(isOwn);
  if (at === -1) return [...wanted, ...lines];
  return [...lines.slice(0, at), ...wanted, ...lines.slice(at).filter((line) => !isOwn(line))];
}
