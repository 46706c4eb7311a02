/** Decryption during a run: only what is used, each once, and no key is asked for before. */
import { badInput, type Diagnostic } from '../../support/diagnostic.ts';
import { Secret } from '../../support/secret.ts';
import type { SourceFile, Span } from '../../support/source.ts';
import type { EncryptedValue } from '../encrypted.ts';
import { isReference } from '../vault-reference.ts';
import { AgeProblem, decryptAge, type X25519Identity } from './age-decrypt.ts';
import { identityPath, readIdentities, type IdentityOptions } from './identity.ts';

/** What the engine and the inventory need. The functions may be passed on by themselves. */
export interface InventorySecrets {
  /** A `!secret`. @throws Diagnostic no-key, wrong-key, damaged-secret … */
  readonly decrypt: (encrypted: EncryptedValue) => Secret;
  /** What a run has found in the vault for a reference (`vault:PATH#KEY`), for `decrypt` to give. */
  readonly provide: (reference: string, value: Secret) => void;
  /** A whole encrypted file, as text; what it holds is secret: see `concealTexts`. @throws Diagnostic */
  readonly decryptFile: (file: SourceFile) => string;
}

/** Decrypted texts by their armour; a run uses some of them many times. */
class Store implements InventorySecrets {
  readonly #options: IdentityOptions;
  readonly #known = new Map<string, Secret>();
  #identities: readonly X25519Identity[] | undefined;

  constructor(options: IdentityOptions) {
    this.#options = options;
  }

  readonly decrypt = (encrypted: EncryptedValue): Secret => {
    const known = this.#known.get(encrypted.armored);
    if (known !== undefined) return known;
    if (isReference(encrypted.armored)) throw badInput('vault-value-unknown', 'the value is in a vault, which was not asked for it', { span: encrypted.span, detail: 'apply, check, verify and run ask for the values of the hosts that they work on, and for those that playbooks, roles and template files with names written out refer to', remedy: 'refer to it in a variable of the inventory (!secret vault:PATH#KEY), give the value with --extra-vars, or keep it encrypted' });
    const secret = new Secret(this.#open(encrypted.armored, encrypted.span));
    this.#known.set(encrypted.armored, secret);
    return secret;
  };

  readonly provide = (reference: string, value: Secret): void => {
    this.#known.set(reference, value);
  };

  readonly decryptFile = (file: SourceFile): string => this.#open(file.text, { file, start: 0, end: 0 });

  #open(text: string, span: Span): string {
    this.#identities ??= readIdentities(this.#options);
    try {
      const plain = decryptAge(Buffer.from(text, 'latin1'), { identities: this.#identities });
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain);
    } catch (error) {
      if (error instanceof AgeProblem) throw decryptionProblem(error, span, identityPath(this.#options));
      if (error instanceof TypeError) throw badInput('damaged-secret', 'what is encrypted here is not UTF-8 text', { span });
      throw error;
    }
  }
}

export function decryptionProblem(problem: AgeProblem, span: Span, keyPath: string): Diagnostic {
  if (problem.reason === 'no-match') {
    return badInput('wrong-key', 'the value is encrypted for other keys than the ones at hand', { span, detail: `the keys at hand are those of ${keyPath}`, remedy: 'ask somebody who can read it to add your recipient and run: care-provision secrets rotate' });
  }
  return badInput('damaged-secret', `the encrypted value cannot be read: ${problem.message}`, { span, remedy: 'take the value from the version history, or encrypt it anew' });
}

/**
 * @param _inventories the inventories of the run; the private key is found without them, and is the same for all
 */
export function inventorySecrets(_inventories: readonly string[] = [], options: IdentityOptions = {}): InventorySecrets {
  return new Store(options);
}
