/** The troubles of connections, in words for people. */
import { Diagnostic, failure } from '../support/diagnostic.ts';
import { maskSecrets } from '../support/secret.ts';

/** Host-supplied text made safe for a message: masked, without control characters, bounded. */
export function quoteHostText(text: string, limit = 600): string {
  const clean = maskSecrets(text).replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '').trim();
  return clean.length > limit ? `…${clean.slice(-limit)}` : clean;
}

export function connectionLost(host: string, during: string, more: { readonly detail?: string | undefined; readonly cause?: unknown } = {}): Diagnostic {
  return new Diagnostic({
    kind: 'unreachable',
    code: 'connection-lost',
    summary: `${host}: the connection was lost ${during}`,
    detail: more.detail,
    remedy: 'see whether the host is up and sshd runs on it; then run again, the next run converges what this one left',
    cause: more.cause,
  });
}

export function interrupted(host: string, what: string): Diagnostic {
  return new Diagnostic({ kind: 'interrupted', code: 'interrupted', summary: `${host}: ${what} was interrupted` });
}

const BECOME: readonly { readonly pattern: RegExp; readonly code: string; readonly what: string; readonly remedy: string }[] = [
  {
    pattern: /unknown user|invalid user|user .* (does not exist|not found)/i,
    code: 'become-unknown-user',
    what: 'sudo knows no such user',
    remedy: 'create the user first, or correct become_user',
  },
  {
    pattern: /must have a tty|no tty present and no askpass|sorry, you must have a tty/i,
    code: 'become-needs-tty',
    what: 'sudo asks for a terminal (requiretty), and there is none',
    remedy: 'add "Defaults:LOGIN_USER !requiretty" to the sudoers of the host, with LOGIN_USER the user of the SSH connection',
  },
  {
    pattern: /password is required|terminal is required|interactive authentication is required/i,
    code: 'become-password-required',
    what: 'sudo asks for a password, and none was given',
    remedy: 'give it with --ask-become-pass or as ansible_become_password (a !secret), or allow NOPASSWD for this user in sudoers',
  },
  {
    pattern: /not in the sudoers|may not run|is not allowed to|not allowed to execute/i,
    code: 'become-not-allowed',
    what: 'sudo does not allow it',
    remedy: 'allow it in the sudoers of the host, or log in as another user (ansible_user)',
  },
  {
    pattern: /sudo: (command )?not found|sudo: No such file|Unknown command:? '?sudo|no such file or directory: sudo/i,
    code: 'become-no-sudo',
    what: 'there is no sudo on the host',
    remedy: 'install sudo there, or log in as the user itself (ansible_user) without become',
  },
  {
    pattern: /sorry, try again|incorrect password|incorrect authentication|no password was provided|authentication failed/i,
    code: 'become-wrong-password',
    what: 'sudo refused the password',
    remedy: 'correct the password (--ask-become-pass or ansible_become_password)',
  },
];

/** Why a sub-runner could not be had, from what sudo said. */
export function becomeFailed(host: string, loginUser: string, user: string, stderr: string, code?: string): Diagnostic {
  const known = code === undefined ? BECOME.find((entry) => entry.pattern.test(stderr)) : BECOME.find((entry) => entry.code === code);
  const said = quoteHostText(stderr);
  return failure(known?.code ?? 'become-failed', `${host}: ${loginUser} cannot become ${user}: ${known?.what ?? 'sudo failed'}`, {
    detail: said === '' ? undefined : `sudo said: ${said}`,
    remedy: known?.remedy ?? 'try it by hand on the host with: sudo -u ' + user + ' true; when sudo asks for a password, give it with --ask-become-pass',
  });
}
