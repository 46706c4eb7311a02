/** Every generated file of the repository: what `scripts/docs` writes and a test compares. */
import { schemaFiles } from '../schemas/all.ts';
import { jsonOutputMarkdown } from './json-output.ts';
import { keywordsMarkdown } from './keywords.ts';
import { moduleDoc, sortedModules } from './module-doc.ts';
import { modulesMarkdown } from './render.ts';

/** Path from the repository's root → content. */
export function generatedFiles(): Readonly<Record<string, string>> {
  const schemas = Object.entries(schemaFiles(sortedModules())).map(([name, content]) => [`schemas/${name}`, content] as const);
  return Object.fromEntries([
    ['docs/json-output.md', jsonOutputMarkdown()],
    ['docs/keywords.md', keywordsMarkdown()],
    ['docs/modules.md', modulesMarkdown(sortedModules().map(moduleDoc))],
    ...schemas,
  ]);
}
