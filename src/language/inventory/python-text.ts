/** Values as Python's `str` writes them: `--graph --vars` shows them so. */
import { MASK, Secret } from '../../support/secret.ts';
import { EncryptedValue, UnsafeText, VaultValue } from '../encrypted.ts';

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function hex(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

function quoted(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let out = '';
  for (const c of text) {
    if (c === mark) out += `\\${c}`;
    // Python leaves printable characters of every script as they are, and of the blanks only the space.
    else if (ESCAPES[c] !== undefined) out += ESCAPES[c];
    else out += c !== ' ' && /[\p{C}\p{Z}]/u.test(c) ? hex(c.codePointAt(0) ?? 0) : c;
  }
  return mark + out + mark;
}

function inner(value: unknown): string {
  return typeof value === 'string' ? quoted(value) : pythonText(value);
}

/** `True`, `None`, `{'a': [1, 'b']}`; a string by itself without quotes. Secrets and vaults are masked. */
export function pythonText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'nan';
    return Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf';
  }
  if (value instanceof Secret || value instanceof EncryptedValue || value instanceof VaultValue) return MASK;
  if (value instanceof UnsafeText) return value.text;
  if (Array.isArray(value)) return `[${value.map(inner).join(', ')}]`;
  if (typeof value === 'object') {
    return `{${Object.entries(value)
      .map(([key, item]) => `${quoted(key)}: ${inner(item)}`)
      .join(', ')}}`;
  }
  throw new Error(`a variable holds ${typeof value}, which no inventory can say`);
}
