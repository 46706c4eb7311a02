/** Access policies in one way of writing: stores give lists for single words, sort them, and drop what says nothing. */
import { z } from 'zod';
import { defineAspect } from '../aspect.ts';

const Words = z.union([z.string(), z.array(z.string())]).transform((v) => [...new Set(typeof v === 'string' ? [v] : v)].sort());
const Value = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
const Values = z.union([Value, z.array(Value)]).transform((v) => [...new Set(Array.isArray(v) ? v : [v])].sort());
/** `*` is everybody: the same as `{AWS: "*"}`. */
const Principal = z.union([z.literal('*').transform(() => ({ AWS: ['*'] })), z.record(z.string(), Words)]);

const Statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.enum(['Allow', 'Deny']),
  Principal: Principal.optional(),
  Action: Words.optional(),
  NotAction: Words.optional(),
  Resource: Words.optional(),
  NotResource: Words.optional(),
  Condition: z.record(z.string(), z.record(z.string(), Values)).optional(),
});

/** As a store gives it, and as a person writes it. */
export const PolicyDocument = z.strictObject({
  ID: z.string().optional(),
  Id: z.string().optional(),
  Version: z.literal('2012-10-17').default('2012-10-17'),
  Statement: z.union([z.array(Statement), Statement.transform((one) => [one])]),
});

export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: Readonly<Record<string, readonly string[]>>;
  readonly Action?: readonly string[];
  readonly NotAction?: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface Policy {
  readonly Version: '2012-10-17';
  readonly Statement: readonly PolicyStatement[];
}

function isSaid(value: unknown): boolean {
  if (value === undefined || value === '') return false;
  return Array.isArray(value) ? value.length > 0 : typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

/** Keys in one order, at every depth. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, sortedKeys(v)]));
}

/** The policy in the one way of writing: no empty parts, lists sorted, statements sorted and each once. */
export function canonicalPolicy(document: z.output<typeof PolicyDocument>): Policy {
  const statements = new Map<string, PolicyStatement>();
  for (const statement of document.Statement) {
    const said = Object.fromEntries(Object.entries(statement).filter(([, value]) => isSaid(value)));
    // Sound: only parts that are optional and say nothing were left out.
    statements.set(JSON.stringify(sortedKeys(said)), said as unknown as PolicyStatement);
  }
  return { Version: document.Version, Statement: [...statements].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, statement]) => statement) };
}

/** Reads a policy. @throws Error when it is none */
export function readPolicy(text: string): Policy {
  return canonicalPolicy(PolicyDocument.parse(JSON.parse(text)));
}

export const bucketPolicy = defineAspect<Policy>({
  name: 'policy',
  label: 'bucket policy',
  subresource: 'policy',
  none: ['NoSuchBucketPolicy'],
  read: readPolicy,
  write: (policy) => JSON.stringify(policy),
});
