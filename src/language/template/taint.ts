/** Carries secrecy through helpers that must look into their arguments. */
import { Secret } from '../../support/secret.ts';
import { isList, isMap, type Value } from '../../support/value.ts';

/** The value with every secret in it as plain text, and whether there was one. */
export function revealAll(value: Value): { readonly plain: Value; readonly secret: boolean } {
  const seen = { secret: false };
  const walk = (v: Value): Value => {
    if (v instanceof Secret) {
      seen.secret = true;
      return v.reveal();
    }
    if (isList(v)) return v.map(walk);
    if (isMap(v)) return Object.fromEntries(Object.entries(v).map(([key, item]) => [key, walk(item)]));
    return v;
  };
  const plain = walk(value);
  return seen.secret ? { plain, secret: true } : { plain: value, secret: false };
}

/**
 * Makes every text and number in a value secret. Booleans and null stay: they have no text worth hiding.
 *
 * @param register false when the texts show secrets unaltered, which are masked wherever they turn up
 */
export function concealAll(value: Value, register: boolean): Value {
  if (typeof value === 'string') return value === '' ? value : new Secret(value, { register });
  if (typeof value === 'number') return new Secret(String(value), { register });
  if (isList(value)) return value.map((item) => concealAll(item, register));
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, concealAll(item, register)]));
  return value;
}

/** Texts one after another: secret when one of them is. */
export function joinPieces(pieces: readonly (string | Secret)[]): string | Secret {
  const joined = pieces.map((piece) => (piece instanceof Secret ? piece.reveal() : piece)).join('');
  return pieces.some((piece) => piece instanceof Secret) ? Secret.derived(joined) : joined;
}
