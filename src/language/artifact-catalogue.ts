/** Reads `artifacts.yml`: the program's own, then the one in each inventory's folder. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { artifactsFileSchema, mergeCatalogues, type ArtifactsFile, type Catalogue } from '../artifacts/catalogue.ts';
import { badInput, DiagnosticList } from '../support/diagnostic.ts';
import { packageRoot } from '../support/package-root.ts';
import { isMap } from '../support/value.ts';
import { parseWithSchema } from './playbook/parse-schema.ts';
import { keySpanOf, spanOf } from './positions.ts';
import { parseYaml, readSourceFile } from './yaml.ts';

/** Its name, also where inventories are read: it is no source of hosts. */
export const ARTIFACTS_FILE = 'artifacts.yml';

/** @throws Diagnostic or DiagnosticList that points into the file */
export function readArtifactsFile(file: string): ArtifactsFile {
  const relative = path.relative(process.cwd(), file);
  const source = readSourceFile(file, relative.startsWith('..') ? file : relative);
  const value = parseYaml(source, { dialect: 'strict' });
  if (value === null) return {};
  if (!isMap(value)) throw badInput('not-a-map', `${source.path} must hold a map: artifacts, end_of_life_accepted`, { span: { file: source, start: 0, end: 1 } });
  const read = parseWithSchema(artifactsFileSchema, value, ARTIFACTS_FILE);
  const seen = new Set<string>();
  for (const [i, artifact] of (read.artifacts ?? []).entries()) {
    const key = `${artifact.name} ${artifact.version}`;
    const list: unknown = value['artifacts'];
    const span = typeof list === 'object' && list !== null ? spanOf(list, i) : keySpanOf(value, 'artifacts');
    if (seen.has(key)) throw new DiagnosticList([badInput('twice', `${key} is in ${source.path} twice`, { span, remedy: 'leave one' })]);
    seen.add(key);
  }
  return read;
}

/** The folder whose `artifacts.yml` belongs to an inventory: the directory itself, or the one that holds the file; none for a list of hosts. */
function folderOf(inventory: string): string | undefined {
  if (!existsSync(inventory)) return undefined;
  return statSync(inventory).isDirectory() ? inventory : path.dirname(inventory);
}

/** The files that a catalogue comes from, in order: later ones override. */
export function artifactsFiles(inventories: readonly string[]): readonly string[] {
  const folders = inventories.map(folderOf).filter((folder) => folder !== undefined);
  return [...new Set([packageRoot(), ...folders.map((folder) => path.resolve(folder))])].map((folder) => path.join(folder, ARTIFACTS_FILE)).filter((file) => existsSync(file));
}

/** All artefacts that these inventories may speak of. @throws Diagnostic or DiagnosticList */
export function loadCatalogue(inventories: readonly string[]): Catalogue {
  return mergeCatalogues(artifactsFiles(inventories).map(readArtifactsFile));
}
