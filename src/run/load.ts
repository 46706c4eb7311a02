/** Reads what a run is made of: inventory, project, playbooks. Touches no host. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Catalogue } from '../artifacts/catalogue.ts';
import { loadCatalogue } from '../language/artifact-catalogue.ts';
import { refuseAbsentInventories } from '../language/inventory/absent.ts';
import { loadInventory, type Inventory } from '../language/inventory/index.ts';
import type { Playbook } from '../language/playbook/model.ts';
import type { ModuleCatalogue } from '../language/playbook/parse-task.ts';
import { loadPlaybook } from '../language/playbook/parse-play.ts';
import { findProjectRoot, openProject, type Project } from '../language/playbook/project.ts';
import { inventorySecrets, type InventorySecrets } from '../language/secrets/index.ts';
import { findModule, modules } from '../modules/registry.ts';
import { badInput } from '../support/diagnostic.ts';
import { packageRoot } from '../support/package-root.ts';
import { verifyPlays } from './verify-plays.ts';
import type { RunOptions } from './options.ts';

export interface Loaded {
  /** What `artifacts.yml` of the program and of the inventories say; read when first asked for. @throws Diagnostic or DiagnosticList */
  readonly artifacts: () => Catalogue;
  readonly inventory: Inventory;
  readonly project: Project;
  readonly playbooks: readonly Playbook[];
  readonly secrets: InventorySecrets;
  /** What `verify` cannot tell, for people; empty in every other mode. */
  readonly remarks: readonly string[];
}

export const catalogue: ModuleCatalogue = {
  names: [...modules.keys()],
  resolve(name) {
    const module = findModule(name);
    return module === undefined ? undefined : { name: module.name, freeForm: module.freeForm };
  },
};

/** The playbooks to run: those asked for, else `playbooks/site.yml` of the inventory's project. @throws Diagnostic */
export function choosePlaybooks(options: Pick<RunOptions, 'inventory' | 'playbooks'>): readonly string[] {
  if (options.playbooks.length > 0) return options.playbooks;
  const root = findProjectRoot(options.inventory[0] ?? '.');
  const site = path.join(root, 'playbooks', 'site.yml');
  if (existsSync(site)) return [site];
  throw badInput('no-playbook', 'no playbook was given and the project has no playbooks/site.yml', { detail: `the project is ${root}, the folder above the inventory that holds playbooks/ or roles/`, remedy: 'name one: care-provision apply INVENTORY PLAYBOOK' });
}

/** The catalogue of these inventories, read once, and only when something asks for it. */
export function lazyCatalogue(inventories: readonly string[]): () => Catalogue {
  let known: Catalogue | undefined;
  return () => (known ??= loadCatalogue(inventories));
}

/** What a run without playbooks of the project is made of: the inventory, and roles as seen from the current directory. @throws Diagnostic or DiagnosticList */
export function loadWithoutPlaybooks(options: Pick<RunOptions, 'inventory'>): Loaded {
  const secrets = inventorySecrets(options.inventory);
  const inventory = loadInventory(options.inventory, { decryptFile: secrets.decryptFile });
  const project = openProject(findProjectRoot(options.inventory[0] ?? '.'), process.cwd(), path.join(packageRoot(), 'roles'));
  return { artifacts: lazyCatalogue(options.inventory), inventory, project, secrets, remarks: [], playbooks: [] };
}

/** @throws Diagnostic or DiagnosticList for anything wrong in the files */
export function loadProject(options: Pick<RunOptions, 'inventory' | 'playbooks' | 'mode' | 'onInput'>): Loaded {
  refuseAbsentInventories(options.inventory);
  const playbookFiles = choosePlaybooks(options);
  const directory = path.dirname(path.resolve(playbookFiles[0] ?? '.'));
  const secrets = inventorySecrets(options.inventory);
  const inventory = loadInventory(options.inventory, { playbookDirectory: directory, decryptFile: secrets.decryptFile });
  const project = openProject(findProjectRoot(playbookFiles[0] ?? '.'), directory, path.join(packageRoot(), 'roles'), options.onInput);
  const playbooks = playbookFiles.map((file) => loadPlaybook(file, project, catalogue));
  const work = options.mode === 'verify' ? verifyPlays(playbooks, project, catalogue) : { playbooks, remarks: [] };
  return { artifacts: lazyCatalogue(options.inventory), inventory, project, secrets, ...work };
}
