/**
 * Names a process so that its end can be told apart from another process with its number: number, start
 * time in clock ticks since boot (proc_pid_stat(5), field 22) and process-number namespace.
 */
import { readFileSync, readlinkSync } from 'node:fs';

function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, in parentheses, may hold spaces and parentheses itself: count from the last one.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined; // No such process (or no /proc): it counts as gone.
  }
}

function namespace(): string {
  return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
}

/** `number:start:namespace` of a process of this machine. */
export function ownerOf(pid: number): string {
  return `${pid}:${startTime(pid) ?? '0'}:${namespace()}`;
}

/** {@link ownerOf} this process. */
export function thisProcess(): string {
  return ownerOf(process.pid);
}

/** Whether the process still runs. One of another namespace can't be seen from here and counts as alive. */
export function isAlive(owner: string): boolean {
  const [pid, start, space] = owner.split(':');
  if (pid === undefined || start === undefined || space === undefined) return false;
  if (space !== namespace()) return true;
  return startTime(Number(pid)) === start;
}
