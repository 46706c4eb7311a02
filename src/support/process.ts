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

/**
 * Where whoever runs this program came from, as far as the environment says: `ssh 192.0.2.7` (sshd's SSH_CONNECTION),
 * `sudo by alice` (sudo's SUDO_USER), `systemd` (INVOCATION_ID, of a timer or service; systemd.exec(5)). Undefined when nothing
 * says so. The environment is the user's own to set: this is for people, not for proof.
 */
export function loginOrigin(environment: Readonly<Record<string, string | undefined>> = process.env): string | undefined {
  const address = environment['SSH_CONNECTION']?.split(' ')[0];
  const sudo = environment['SUDO_USER'];
  const parts = [
    ...(address === undefined || address === '' ? [] : [`ssh ${address}`]),
    ...(sudo === undefined || sudo === '' ? [] : [`sudo by ${sudo}`]),
    ...((environment['INVOCATION_ID'] ?? '') === '' || address !== undefined ? [] : ['systemd']),
  ];
  return parts.length === 0 ? undefined : parts.join(', ');
}
