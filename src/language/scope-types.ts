/** What variables look like to templates and expressions; {@link createScope} of `scope.ts` makes them. */
import type { Secret } from '../support/secret.ts';
import type { Value, ValueMap } from '../support/value.ts';
import type { EncryptedValue } from './encrypted.ts';

/** Variables of one origin. Must not change while a scope over it is in use: make a new scope instead. */
export interface VariableLayer {
  readonly values: ValueMap;
  /** False: comes from a target or a command's output, or is rendered already; never rendered as a template. */
  readonly templated: boolean;
}

export interface Scope {
  has(name: string): boolean;
  /**
   * The variable's value, rendered to its depths. Rendered once per scope.
   *
   * @throws Diagnostic undefined-variable, circular-variable, and whatever its templates throw
   */
  get(name: string): Value;
  names(): readonly string[];
  /** A scope with one more layer on top. */
  child(layer: VariableLayer): Scope;
  /** Decrypts a `!secret`; absent where the scope was made without a key. */
  readonly decrypt?: (encrypted: EncryptedValue) => Secret;
}
