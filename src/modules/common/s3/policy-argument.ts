import { z } from 'zod';
import { canonicalPolicy, PolicyDocument, type Policy } from './aspects/policy.ts';

/** A policy as a map, or as JSON text; canonical afterwards. */
export const PolicyArgument = z
  .union([z.string(), z.record(z.string(), z.unknown())])
  .transform((value, context): Policy => {
    let document: unknown = value;
    if (typeof value === 'string') {
      try {
        document = JSON.parse(value);
      } catch (error) {
        context.addIssue({ code: 'custom', message: `must be a map, or JSON: ${error instanceof Error ? error.message : String(error)}` });
        return z.NEVER;
      }
    }
    const parsed = PolicyDocument.safeParse(document);
    if (parsed.success) return canonicalPolicy(parsed.data);
    for (const issue of parsed.error.issues) context.addIssue({ code: 'custom', path: [...issue.path], message: issue.message });
    return z.NEVER;
  });
