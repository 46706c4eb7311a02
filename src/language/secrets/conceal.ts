/** What comes out of an encrypted file is secret, text by text. Apart from the rest, so that it needs no key to be loaded. */
import { Secret } from '../../support/secret.ts';
import { isList, isMap, type Value } from '../../support/value.ts';
import { isOpaque } from '../encrypted.ts';
import { copyPositions } from '../positions.ts';

/** Makes every text in a value a secret: for what comes out of a wholly encrypted file. Numbers and booleans stay. */
export function concealTexts(value: Value): Value {
  if (typeof value === 'string') return value === '' ? value : new Secret(value);
  if (typeof value === 'object' && value !== null && isOpaque(value)) return value;
  if (isList(value)) return withPlaces(value, value.map(concealTexts));
  if (isMap(value)) return withPlaces(value, Object.fromEntries(Object.entries(value).map(([key, item]) => [key, concealTexts(item)])));
  return value;
}

function withPlaces<T extends object>(from: object, to: T): T {
  copyPositions(from, to);
  return to;
}
