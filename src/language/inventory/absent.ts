/** Whether inventories that were named are there. */
import { existsSync } from 'node:fs';
import { badInput } from '../../support/diagnostic.ts';

/** @param sources files, directories, or host lists (`a,b,`) @throws Diagnostic for the first that is not there */
export function refuseAbsentInventories(sources: readonly string[]): void {
  for (const source of sources) {
    if (!source.includes(',') && !existsSync(source)) throw badInput('no-inventory', `there is no inventory ${source}`, { remedy: 'give a YAML file or a directory, e.g. inventory/lab' });
  }
}
