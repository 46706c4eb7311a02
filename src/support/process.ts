/** What is known of processes and of who runs this one. */
import { userInfo } from 'node:os';

/** Whether a process of this machine is there, whoever it belongs to. A zombie counts. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and belongs to somebody else (kill(2)).
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** The name of the user who runs this program; the number where the account has none (containers). */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
