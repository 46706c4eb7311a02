/** What a nightly run is called: its units, its files, its series. */
import path from 'node:path';
import { Diagnostic } from '../../support/diagnostic.ts';

/** As systemd.unit(5) lets names of units be, without what shells and paths would take for something else. */
const NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/;

/**
 * The name of an inventory's nightly run: the one given, else the inventory's own (`inventory/production`, `production.yml`).
 *
 * @throws Diagnostic `usage`
 */
export function nameOf(given: string | undefined, inventory: string): string {
  const own = path.basename(path.resolve(inventory)).replace(/\.(ya?ml|json)$/, '');
  // `inventory/paris/hosts.yml` is the inventory of paris.
  const name = given ?? (['hosts', 'inventory'].includes(own) ? path.basename(path.dirname(path.resolve(inventory))) : own).toLowerCase();
  if (NAME.test(name)) return name;
  throw new Diagnostic({ kind: 'usage', code: 'converge-name', summary: `${JSON.stringify(name)} cannot be the name of a nightly run`, detail: 'lower-case letters, digits, _ . and -, at most 63', remedy: 'give one: --name production' });
}

/** The units of a name. */
export function unitsOf(name: string): { readonly service: string; readonly timer: string; readonly watch: string; readonly watchTimer: string } {
  const stem = `care-provision-converge-${name}`;
  return { service: `${stem}.service`, timer: `${stem}.timer`, watch: `${stem}-watch.service`, watchTimer: `${stem}-watch.timer` };
}

/** Its files for node_exporter, in the directory of `--metrics`. */
export function metricsFiles(directory: string, name: string): { readonly converge: string; readonly run: string } {
  return { converge: path.join(directory, `care-converge-${name}.prom`), run: path.join(directory, `care-converge-${name}-run.prom`) };
}
