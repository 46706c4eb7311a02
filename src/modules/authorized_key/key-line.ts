/** Lines of authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT): options, type, key, comment. */

export interface KeyLine {
  readonly options: string;
  readonly type: string;
  /** Base64 of the key: what makes two lines the same key. */
  readonly blob: string;
  readonly comment: string;
}

const TYPE = /^(ssh-(rsa|ed25519|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com|ssh-(rsa|ed25519|dss)-cert-v0[01]@openssh\.com|ecdsa-sha2-nistp(256|384|521)-cert-v01@openssh\.com)$/;

/** Takes the first field off: blanks inside double quotes belong to it (option values may hold them). */
function firstField(text: string): readonly [string, string] {
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charAt(i);
    if (c === '\\' && text.charAt(i + 1) === '"') i += 1;
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === ' ' || c === '\t')) return [text.slice(0, i), text.slice(i).trim()];
  }
  return [text, ''];
}

/** Undefined for comments, empty lines, and lines that sshd would not take for a key. */
export function parseKeyLine(line: string): KeyLine | undefined {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  const [first, afterFirst] = firstField(text);
  const options = TYPE.test(first) ? '' : first;
  const [type, afterType] = options === '' ? [first, afterFirst] : firstField(afterFirst);
  const [blob, comment] = firstField(afterType);
  if (!TYPE.test(type) || !/^[A-Za-z0-9+/]+={0,3}$/.test(blob)) return undefined;
  return { options, type, blob, comment };
}

export function formatKeyLine(key: KeyLine): string {
  return [key.options, key.type, key.blob, key.comment].filter((part) => part !== '').join(' ');
}
