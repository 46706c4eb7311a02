/**
 * The first hop is read by the user's login shell, which may be fish, csh or zsh; only a subset of
 * quoting means the same to all of them. Everything after it is read by POSIX sh.
 */

/**
 * Quotes one word for any login shell.
 *
 * Single quotes are literal everywhere but for these: fish knows `\\` and `\'` inside them, csh expands
 * `!` and refuses a newline. A word that holds one of those is refused, not rewritten: what goes over the
 * first hop is a fixed text of ours.
 *
 * @throws RangeError for a word that no common quoting can carry
 */
export function quoteForLoginShell(word: string): string {
  if (/['\\!\n\r\0]/.test(word)) throw new RangeError('the first hop cannot carry quotes, backslashes, exclamation marks or line breaks');
  if (/^[A-Za-z0-9_@%+:,./-]+$/.test(word)) return word;
  return `'${word}'`;
}

/** Names that sudo may be asked for; no character of them means anything to any shell. */
const USER_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+-]*\$?$/;

export function isPlainUserName(name: string): boolean {
  return USER_NAME.test(name) && name.length <= 256;
}
