/** Turns the parser's tagged scalars into values when somebody looks at them. */
import { badInput } from '../../support/diagnostic.ts';
import type { Value } from '../../support/value.ts';
import { EncryptedValue, isOpaque, UnsafeText } from '../encrypted.ts';
import type { Scope } from '../scope-types.ts';

/** @throws Diagnostic when the value is encrypted and cannot be decrypted */
export function settle(value: Value, scope: Scope): Value {
  if (typeof value !== 'object' || value === null || !isOpaque(value)) return value;
  const opaque: unknown = value;
  if (opaque instanceof UnsafeText) return opaque.text;
  if (opaque instanceof EncryptedValue) {
    if (scope.decrypt !== undefined) return scope.decrypt(opaque);
    throw badInput('no-key', 'the value is encrypted, and there is no key to decrypt it', { span: opaque.span, remedy: 'set CARE_IDENTITY_FILE; see docs/secrets.md' });
  }
  throw badInput('vault-value', "the value is encrypted with Ansible's vault, which this program does not decrypt", {
    span: value.span,
    remedy: 'decrypt it with ansible-vault and encrypt it with: care-provision secrets encrypt',
  });
}
