/**
 * Text that came from a host, a file or a user must not steer the terminal it is printed on: escape
 * sequences can hide lines, and bidirectional overrides (CVE-2021-42574) can reorder them.
 */

// C0 but tab and newline, DEL, C1, and the bidirectional controls of UAX #9.
const HARMFUL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function visible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Several lines made harmless: newlines and tabs stay, `\r\n` becomes `\n`, every other control is shown as `\x1b`. */
export function safeLines(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(HARMFUL, visible);
}

/** One line made harmless: as {@link safeLines}, and newlines and tabs become a space each. */
export function safeLine(text: string): string {
  return safeLines(text).replaceAll(/\s*\n\s*/g, ' ').replaceAll('\t', ' ').trim();
}
