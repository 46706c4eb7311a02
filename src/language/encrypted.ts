/**
 * Tagged scalars that are not yet what they stand for. They travel through variables as opaque values:
 * whoever renders or prints a value asks for them by `instanceof` before it looks for maps.
 */
import type { Secret } from '../support/secret.ts';
import type { Span } from '../support/source.ts';
import type { Value } from '../support/value.ts';

/** `!secret`: an age-encrypted value, decrypted only when somebody needs it; or `vault:PATH#KEY`, a value in a vault. */
export class EncryptedValue {
  /** The armored age text, as the file has it; or the reference. */
  readonly armored: string;
  readonly span: Span;

  constructor(armored: string, span: Span) {
    this.armored = armored;
    this.span = span;
  }

  /** @throws Diagnostic from `decrypt`, when no key fits */
  reveal(decrypt: (armored: string, span: Span) => Secret): Secret {
    return decrypt(this.armored, this.span);
  }
}

/** `!vault`: Ansible's encryption. It can be listed, not used: this program does not decrypt it. */
export class VaultValue {
  /** The `$ANSIBLE_VAULT;…` text, as the file has it. */
  readonly ciphertext: string;
  readonly span: Span;

  constructor(ciphertext: string, span: Span) {
    this.ciphertext = ciphertext;
    this.span = span;
  }
}

/** `!unsafe`: text that is never rendered as a template. */
export class UnsafeText {
  readonly text: string;
  readonly span: Span;

  constructor(text: string, span: Span) {
    this.text = text;
    this.span = span;
  }
}

export type OpaqueValue = EncryptedValue | VaultValue | UnsafeText;

export function isOpaque(value: unknown): value is OpaqueValue {
  return value instanceof EncryptedValue || value instanceof VaultValue || value instanceof UnsafeText;
}

/**
 * Lets an opaque value stand among ordinary ones. The cast is sound because no code may look into a
 * value before it knows what it is, and `isMap` and `isList` both say no to an opaque one.
 */
export function asValue(opaque: OpaqueValue): Value {
  return opaque as unknown as Value;
}
