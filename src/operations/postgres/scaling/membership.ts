/**
 * Which hosts of the pool are members: a file of the inventory directory, `postgres_scaling.yml`, that puts them into the group
 * `postgres`. The inventory stays the truth: every run reads it, so no nightly run undoes it, and what follows the group (proxies,
 * firewalls, backups) follows. People may edit it.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { badInput } from '../../../support/diagnostic.ts';

export const POOL_GROUP = 'postgres_standby_pool';
export const FILE_NAME = 'postgres_scaling.yml';

export interface ScalingFile {
  /** Hosts in the order in which they were added. */
  readonly added: readonly string[];
  /** ISO 8601; undefined before the first change. */
  readonly changedAt: string | undefined;
}

const Content = z.strictObject({
  all: z.strictObject({
    children: z.strictObject({
      postgres: z.strictObject({
        hosts: z.record(z.string(), z.null()).nullish(),
        vars: z.strictObject({ postgres_scaling_changed_at: z.iso.datetime() }).nullish(),
      }),
    }),
  }),
});

/** @throws Diagnostic (bad input) when the inventory is no directory, where the file could not lie beside the others */
export function scalingFile(inventory: string): string {
  if (!existsSync(inventory) || !statSync(inventory).isDirectory()) {
    throw badInput('no-inventory-directory', `the members that come from the pool are kept in ${FILE_NAME} of the inventory directory, and ${inventory} is no directory`, { remedy: 'make a directory of it: mkdir DIR && mv FILE DIR/hosts.yml' });
  }
  return path.join(inventory, FILE_NAME);
}

/** @throws Diagnostic (bad input) when it holds anything else */
export function readScaling(file: string): ScalingFile {
  if (!existsSync(file)) return { added: [], changedAt: undefined };
  const parsed = Content.safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw badInput('bad-scaling-file', `${file} is not as this program writes it: ${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`, { remedy: 'put what you have added into another file of the inventory' });
  const { hosts, vars } = parsed.data.all.children.postgres;
  return { added: Object.keys(hosts ?? {}), changedAt: vars?.postgres_scaling_changed_at };
}

export function scalingText(content: ScalingFile): string {
  const postgres = {
    hosts: Object.fromEntries(content.added.map((name) => [name, null])),
    ...(content.changedAt === undefined ? {} : { vars: { postgres_scaling_changed_at: content.changedAt } }),
  };
  return `# Written by care-provision db scale: hosts of ${POOL_GROUP} that are members of the cluster, the newest last.\n${stringify({ all: { children: { postgres } } }, { nullStr: '' })}`;
}

/** Replaces the file as a whole. */
export function writeScaling(file: string, content: ScalingFile): void {
  const beside = `${file}.new`;
  writeFileSync(beside, scalingText(content), { mode: 0o644 });
  renameSync(beside, file);
}

/** Puts back what was there: the text, or nothing. */
export function restoreScaling(file: string, text: string | undefined): void {
  if (text === undefined) rmSync(file, { force: true });
  else writeFileSync(file, text);
}
