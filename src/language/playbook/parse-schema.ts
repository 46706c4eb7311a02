/** Checks a parsed container against a zod schema, with errors that point into the file. */
import type { z } from 'zod';
import { schemaErrors } from '../schema-errors.ts';

/** @throws DiagnosticList */
export function parseWithSchema<T>(schema: z.ZodType<T>, value: object, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw schemaErrors(result.error, value, { what, schema });
}
