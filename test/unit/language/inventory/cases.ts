/** The corpus of small inventories, and what this program says of each in the shape of the golden data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatJson, loadInventory } from '../../../../src/language/inventory/index.ts';

export const CORPUS = join(import.meta.dirname, 'corpus');

const CaseFile = z.strictObject({
  sources: z.array(z.string()),
  playbookDirectory: z.string().optional(),
  /** Patterns to resolve; the golden data has each one's hosts. */
  patterns: z.array(z.string()).default([]),
  /** Groups lie three levels deep or more, where Ansible leaves the order of hosts to chance. */
  anyOrder: z.boolean().default(false),
  /** `--graph --vars` shows things that are not comparable: Python's own types, vaults. */
  graphVars: z.boolean().default(true),
  /** `--graph` fails in Ansible. */
  graph: z.boolean().default(true),
});

export interface Case extends z.output<typeof CaseFile> {
  readonly name: string;
  readonly directory: string;
}

/** `list` is text, as printed: NaN and Infinity are no JSON. Patterns that Ansible refuses are null. */
export const Golden = z.strictObject({
  list: z.unknown(),
  graph: z.string().optional(),
  graphVars: z.string().optional(),
  patterns: z.record(z.string(), z.array(z.string()).nullable()),
});
export type Golden = z.output<typeof Golden>;

export function cases(): Case[] {
  return readdirSync(CORPUS).map((name) => {
    const directory = join(CORPUS, name);
    return { name, directory, ...CaseFile.parse(JSON.parse(readFileSync(join(directory, 'case.json'), 'utf8'))) };
  });
}

export function golden(name: string): Golden {
  return Golden.parse(JSON.parse(readFileSync(join(CORPUS, name, 'expected.json'), 'utf8')));
}

/** What this program says; the working directory must be the case's own. */
export function ours(which: Case): Golden {
  const inventory = loadInventory(which.sources, { playbookDirectory: which.playbookDirectory });
  const hosts = (pattern: string): string[] => {
    const found = [...inventory.select(pattern)];
    return which.anyOrder ? found.sort() : found;
  };
  return {
    list: JSON.parse(formatJson(inventory.list())),
    ...(which.graph ? { graph: inventory.graph() } : {}),
    ...(which.graph && which.graphVars ? { graphVars: inventory.graph({ variables: true }) } : {}),
    patterns: Object.fromEntries(which.patterns.map((pattern) => [pattern, hosts(pattern)])),
  };
}
