/** Why a UNIX socket of a host could not be reached: found out on the host itself. */
import { Diagnostic } from '../support/diagnostic.ts';
import { sh } from '../support/shell.ts';
import type { Runner } from './types.ts';

const LOOK_SECONDS = 20;

/** `listens`: somebody does, and the login user may write to it, so it is sshd that refuses. */
type Word = 'absent' | 'denied' | 'other' | 'dead' | 'listens';

const WORDS: Readonly<Record<Word, { readonly code: string; readonly what: string; readonly remedy: string }>> = {
  absent: { code: 'socket-absent', what: 'there is no such socket', remedy: 'see that the service runs, and that it puts its socket there' },
  dead: { code: 'socket-dead', what: 'nobody listens on it', remedy: 'see that the service runs; the socket was left by a process that has ended' },
  denied: { code: 'socket-denied', what: 'the login user may not use it', remedy: 'see the owner and mode of the socket and of the directories above, or log in as a user who may (ansible_user)' },
  other: { code: 'socket-denied', what: 'it is not a socket', remedy: 'see what stands at that path' },
  listens: { code: 'socket-forwarding-refused', what: 'somebody listens there, but sshd does not forward to it', remedy: 'allow it in the sshd_config of the host (AllowStreamLocalForwarding yes, or local; DisableForwarding no) and reload sshd' },
};

function isWord(text: string): text is Word {
  return text in WORDS;
}

/**
 * Asks the host why.
 *
 * @param runner of the login user, who opens the socket
 * @param cause the refusal, given back where the host has no answer either
 */
export async function socketTrouble(host: string, path: string, runner: Runner, cause: Diagnostic): Promise<Diagnostic> {
  // Listening sockets stand in /proc/net/unix by the path that they were bound to, which may hold links (/var/run).
  const outcome = await runner.run({
    script: sh`care_path=${path}
care_dir=$care_path
while [ "$care_dir" != / ] && [ "$care_dir" != . ]; do
  care_dir=$(dirname -- "$care_dir")
  if [ -d "$care_dir" ] && [ ! -x "$care_dir" ]; then echo denied; exit 0; fi
done
if [ ! -e "$care_path" ]; then echo absent
elif [ ! -S "$care_path" ]; then echo other
elif [ ! -w "$care_path" ]; then echo denied
else
  care_real=$(readlink -f -- "$care_path") care_word=dead
  while read -r _ _ _ care_flags _ _ _ care_at; do
    [ "$care_flags" = 00010000 ] && [ "\${care_at##*/}" = "\${care_path##*/}" ] || continue
    if [ "$care_at" = "$care_path" ] || [ "$(readlink -f -- "$care_at")" = "$care_real" ]; then care_word=listens; fi
  done </proc/net/unix
  echo "$care_word"
fi`,
    timeoutSeconds: LOOK_SECONDS,
  });
  const word = outcome.stdout.toString('utf8').trim();
  if (outcome.state !== 'done' || outcome.status !== 0 || !isWord(word)) return cause;
  const { code, what, remedy } = WORDS[word];
  return new Diagnostic({ kind: 'failed', code, summary: `${host}: cannot reach the socket ${path}: ${what}`, remedy, cause });
}
