/** `!secret vault:PATH#KEY`: a value that is not in the inventory but in OpenBao or Vault, asked for at the start of a run. Pure. */
import { EncryptedValue, isOpaque } from './encrypted.ts';
import { isList, isMap } from '../support/value.ts';

export interface VaultReference {
  /** As the server's API has it: `secret/data/care/db`. */
  readonly path: string;
  readonly key: string;
}

const PREFIX = 'vault:';
const FORM = /^vault:([A-Za-z0-9][A-Za-z0-9._~/-]*[A-Za-z0-9._~-])#([A-Za-z0-9._-]+)$/;

/** Whether a `!secret` means such a value, well written or not. */
export function isReference(text: string): boolean {
  return text.trimStart().startsWith(PREFIX);
}

/** @returns undefined when it is not of the form `vault:PATH#KEY` */
export function parseReference(text: string): VaultReference | undefined {
  const [, path, key] = FORM.exec(text.trim()) ?? [];
  if (path === undefined || key === undefined || path.split('/').some((part) => part === '' || part === '.' || part === '..')) return undefined;
  return { path, key };
}

/** Every reference in a value, however deep. */
export function referencesIn(value: unknown): readonly EncryptedValue[] {
  if (value instanceof EncryptedValue) return isReference(value.armored) ? [value] : [];
  if (isOpaque(value)) return [];
  if (isList(value)) return value.flatMap(referencesIn);
  return isMap(value) ? Object.values(value).flatMap(referencesIn) : [];
}
