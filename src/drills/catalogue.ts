/** Every service that can be drilled, and its drills. */
import { Diagnostic } from '../support/diagnostic.ts';
import { suggestion } from '../support/nearest.ts';
import type { DrillInfo } from './drill.ts';
import { kubernetes } from './kubernetes/service.ts';
import { minio } from './minio/service.ts';
import { postgres } from './postgres/service.ts';
import type { DrillService } from './service.ts';
import { vault } from './vault/service.ts';

/** In the order in which `drill all` runs them. */
export const SERVICES: readonly DrillService[] = [postgres, minio, vault, kubernetes];

export const DRILLS: readonly DrillInfo[] = SERVICES.flatMap((service) => service.drills);

/** @throws Diagnostic (usage) with the nearest name */
export function findDrill(name: string): DrillInfo {
  const found = DRILLS.find((drill) => drill.name === name);
  if (found !== undefined) return found;
  throw new Diagnostic({ kind: 'usage', code: 'unknown-drill', summary: `there is no drill ${name}`, remedy: suggestion(name, [...DRILLS.map((d) => d.name), ...SERVICES.map((s) => s.name)]) ?? 'care-provision drill list shows them' });
}

/**
 * The drills that words of the command line mean: names with commas between, a service for all of its own, or `all`.
 *
 * @param destroys whether those that take what can't be taken back were allowed; without it the two words for many leave them out
 * @throws Diagnostic (usage) for a word that is neither
 */
export function chooseDrills(words: string, destroys: boolean): readonly DrillInfo[] {
  const many = (drills: readonly DrillInfo[]): readonly DrillInfo[] => drills.filter((d) => d.changes !== true && (destroys || d.destroys !== true));
  if (words === 'all') return many(DRILLS);
  return words.split(',').flatMap((word) => {
    const service = SERVICES.find((s) => s.name === word);
    return service === undefined ? [findDrill(word)] : many(service.drills);
  });
}
