/** How long runs are kept: what the environment says, else the defaults. */
import { badInput } from '../support/diagnostic.ts';
import { DEFAULT_RETENTION, type Retention } from './store.ts';

/** @throws Diagnostic `bad-retention` */
export function wholeNumber(environment: Readonly<Record<string, string | undefined>>, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw badInput('bad-retention', `${name} must be a whole number from 1 to 9999999, not ${JSON.stringify(text)}`, { remedy: `unset ${name} to have the default` });
  return Number(text);
}

/**
 * `CARE_HISTORY_RUNS`: runs kept of each inventory; `CARE_HISTORY_DAYS`: days that they are kept, no bound by default.
 * @throws Diagnostic `bad-retention`
 */
export function retentionOf(environment: Readonly<Record<string, string | undefined>> = process.env): Retention {
  const runs = wholeNumber(environment, 'CARE_HISTORY_RUNS');
  const days = wholeNumber(environment, 'CARE_HISTORY_DAYS');
  return { ...DEFAULT_RETENTION, ...(runs === undefined ? {} : { runs }), ...(days === undefined ? {} : { days }) };
}
