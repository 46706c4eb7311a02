/** The keys that a zod schema allows at some place, for "did you mean". */
import type { z } from 'zod';

const MAX_STEPS = 100;

/** The schemas that a value at this schema may have to satisfy, wrappers taken off. */
function unwrap(schema: z.core.$ZodType, steps = 0): z.core.$ZodTypes[] {
  // Every zod schema is one of $ZodTypes: the union exists for just this cast (zod.dev/library-authors).
  const known = schema as z.core.$ZodTypes;
  if (steps > MAX_STEPS) return [];
  const def = known._zod.def;
  // Everything else wraps nothing: listing zod's thirty other kinds would say no more.
  // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return unwrap(def.innerType, steps + 1);
    case 'pipe':
      return unwrap(def.in, steps + 1);
    case 'lazy':
      return unwrap(def.getter(), steps + 1);
    case 'union':
      return def.options.flatMap((option) => unwrap(option, steps + 1));
    case 'intersection':
      return [...unwrap(def.left, steps + 1), ...unwrap(def.right, steps + 1)];
    default:
      return [known];
  }
}

function below(schema: z.core.$ZodTypes, key: PropertyKey): z.core.$ZodType[] {
  const def = schema._zod.def;
  if (def.type === 'object') {
    const inner = def.shape[String(key)] ?? def.catchall;
    return inner === undefined ? [] : [inner];
  }
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'array') return [def.element];
  return [];
}

/** The keys that `schema` knows for the map at `path`, without duplicates; none when it is no object there. */
export function knownKeys(schema: z.core.$ZodType | undefined, path: readonly PropertyKey[]): string[] {
  if (schema === undefined) return [];
  let here = unwrap(schema);
  for (const key of path) here = here.flatMap((s) => below(s, key)).flatMap((s) => unwrap(s));
  return [...new Set(here.flatMap((s) => (s._zod.def.type === 'object' ? Object.keys(s._zod.def.shape) : [])))];
}
