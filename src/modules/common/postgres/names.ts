/** Names as tasks write them: `table`, `schema.table`, `"Odd.Name"`. Case is kept, as in Ansible. */
import { z } from 'zod';

/** The parts of a name at its dots; a part in double quotes may hold dots. Undefined when it is none. */
export function splitQualified(text: string): readonly string[] | undefined {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")+)"|([^".]+))(\.|$)/.exec(rest);
    if (match === null) return undefined;
    parts.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    rest = rest.slice(match[0].length);
    if (match[3] === '') return parts;
    if (rest === '') return undefined;
  }
}

export interface QualifiedName {
  readonly schema: string;
  readonly name: string;
}

/** `table` (in `public`) or `schema.table`. */
export const Qualified = z
  .string()
  .refine((text) => {
    const parts = splitQualified(text);
    return parts !== undefined && parts.length <= 2 && parts.every((p) => !p.includes('\0') && Buffer.byteLength(p, 'utf8') <= 63);
  }, 'must be a name or SCHEMA.NAME, each at most 63 bytes; a part with dots goes in double quotes')
  .transform((text): QualifiedName => {
    const [first = '', second] = splitQualified(text) ?? [];
    return second === undefined ? { schema: 'public', name: first } : { schema: first, name: second };
  });

export function shownName(name: QualifiedName): string {
  return name.schema === 'public' ? name.name : `${name.schema}.${name.name}`;
}

/** One name, several with commas in between, or a list of names. */
export const Names = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => [...new Set((typeof value === 'string' ? value.split(',') : value).map((name) => name.trim()).filter((name) => name !== ''))])
  .refine((names) => names.every((name) => !name.includes('\0') && Buffer.byteLength(name, 'utf8') <= 63), 'must be names of at most 63 bytes');
