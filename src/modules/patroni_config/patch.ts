/** The smallest change that makes one dynamic configuration into another, as Patroni's `PATCH /config` takes it. Pure. */
import { isDeepStrictEqual } from 'node:util';

export type Json = null | boolean | number | string | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json;
}

export function isJsonMap(value: Json | undefined): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * @param keep names at the top level that are left as they are when they are not wished (`pause` is a state, not a setting)
 * @returns the patch: maps are merged, null removes a key; undefined when nothing differs
 */
export function configPatch(now: JsonMap, wanted: JsonMap, keep: readonly string[] = []): JsonMap | undefined {
  const patch: Record<string, Json> = {};
  for (const [key, value] of Object.entries(wanted)) {
    const present = now[key];
    if (isJsonMap(value) && isJsonMap(present)) {
      const inner = configPatch(present, value);
      if (inner !== undefined) patch[key] = inner;
    } else if (!isDeepStrictEqual(present, value)) {
      patch[key] = value;
    }
  }
  for (const key of Object.keys(now)) if (!(key in wanted) && !keep.includes(key)) patch[key] = null;
  return Object.keys(patch).length === 0 ? undefined : patch;
}

/** The parameters of PostgreSQL that a patch changes. */
export function changedParameters(patch: JsonMap): readonly string[] {
  const postgresql = patch['postgresql'];
  const parameters = isJsonMap(postgresql) ? postgresql['parameters'] : undefined;
  return isJsonMap(parameters) ? Object.keys(parameters) : [];
}

/** Whether a patch makes a parameter smaller that the leader must have first. */
export function decreases(now: JsonMap, patch: JsonMap, leaderFirst: readonly string[]): boolean {
  const parametersOf = (config: JsonMap): JsonMap => {
    const postgresql = config['postgresql'];
    const parameters = isJsonMap(postgresql) ? postgresql['parameters'] : undefined;
    return isJsonMap(parameters) ? parameters : {};
  };
  const before = parametersOf(now);
  return Object.entries(parametersOf(patch)).some(([name, value]) => leaderFirst.includes(name) && Number(value) < Number(before[name]));
}
