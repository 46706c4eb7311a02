/** How much hosts keep of what runs replace: what the environment says, else the defaults. */
import type { KeepLimits } from '../host/keep/script.ts';
import { wholeNumber } from '../state/retention.ts';

const RUNS = 10;
const MEBIBYTES = 64;

/**
 * `CARE_ROLLBACK_RUNS`: runs that each host keeps, the newest first; `off`: none. `CARE_ROLLBACK_MEBIBYTES`: how much all of them may take there.
 * @throws Diagnostic `bad-retention`
 */
export function keepLimits(environment: Readonly<Record<string, string | undefined>>): KeepLimits | undefined {
  const bytes = (wholeNumber(environment, 'CARE_ROLLBACK_MEBIBYTES') ?? MEBIBYTES) * 1024 * 1024;
  return environment['CARE_ROLLBACK_RUNS'] === 'off' ? undefined : { runs: wholeNumber(environment, 'CARE_ROLLBACK_RUNS') ?? RUNS, bytes };
}
