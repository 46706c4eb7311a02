import fc from 'fast-check';
import { expect, test } from 'vitest';
import { patroniConfig } from '../../../../src/modules/patroni_config/index.ts';
import { configPatch, isJsonMap, type Json, type JsonMap } from '../../../../src/modules/patroni_config/patch.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniConfig, import.meta.url);

/** As Patroni's patch_config: maps are merged, null removes. */
function merged(now: JsonMap, patch: JsonMap): JsonMap {
  const untouched = Object.entries(now).filter(([key]) => !(key in patch));
  const set = Object.entries(patch).flatMap(([key, value]): readonly (readonly [string, Json])[] => {
    if (value === null) return [];
    const present = now[key];
    return [[key, isJsonMap(value) && isJsonMap(present) ? merged(present, value) : value]];
  });
  return Object.fromEntries([...untouched, ...set]);
}

const word = fc.constantFrom('a', 'b', 'c', 'd');
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('on', 'off'));
const config = fc.dictionary(word, fc.oneof(leaf, fc.dictionary(word, fc.oneof(leaf, fc.dictionary(word, leaf)))));

test('the patch makes one into the other, and there is none for what is equal', () => {
  fc.assert(
    fc.property(config, config, (now, wanted) => {
      const patch = configPatch(now, wanted);
      expect(merged(now, patch ?? {})).toEqual(wanted);
      expect(configPatch(wanted, wanted)).toBeUndefined();
    }),
  );
});
