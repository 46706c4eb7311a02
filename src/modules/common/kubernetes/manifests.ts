/** Objects out of what a task says: maps, lists, YAML of several documents. Pure. */
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { Manifest } from '../../../services/kubernetes/objects.ts';
import { Secret } from '../../../support/secret.ts';

/** For people: what is wrong with the definition. */
export class BadDefinition extends Error {
  override readonly name = 'BadDefinition';
}

const Shape = z.looseObject({ apiVersion: z.string().min(1), kind: z.string().min(1), metadata: z.looseObject({ name: z.string().min(1), namespace: z.string().min(1).optional() }) });

/** Secrets as their texts: on the way to the API they are revealed, and what is shown masks them by kind. */
function plain(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
  return value;
}

function documents(text: string): readonly unknown[] {
  const parsed = parseAllDocuments(text, { version: '1.2' });
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new BadDefinition(`it is not YAML: ${error.message}`);
    const value: unknown = document.toJS();
    return value === null ? [] : [value];
  });
}

function objectsOf(definition: unknown): readonly unknown[] {
  if (definition instanceof Secret) return documents(definition.reveal()).flatMap(objectsOf);
  if (typeof definition === 'string') return documents(definition).flatMap(objectsOf);
  if (Array.isArray(definition)) return definition.flatMap(objectsOf);
  const value = plain(definition);
  if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'List' && 'items' in value && Array.isArray(value.items)) return value.items.flatMap(objectsOf);
  return [value];
}

/** @throws BadDefinition */
export function manifestsOf(definition: unknown, namespace: string | undefined): readonly Manifest[] {
  return objectsOf(definition).map((value, i) => {
    const parsed = Shape.safeParse(value);
    if (!parsed.success) throw new BadDefinition(`object ${String(i + 1)} is none: ${parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; ')}`);
    const object = parsed.data;
    return namespace === undefined || object.metadata.namespace !== undefined ? object : { ...object, metadata: { ...object.metadata, namespace } };
  });
}
