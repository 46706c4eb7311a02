/**
 * For what must come to its end once it was begun, also after Ctrl-C: healing, taking away what was made for a moment, hearing an answer that
 * comes once. Whoever uses it bounds the work by time.
 *
 * @returns a signal that is never aborted; a new one each time, for listeners stay with theirs
 */
export function uninterrupted(): AbortSignal {
  return new AbortController().signal;
}
