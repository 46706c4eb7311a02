/** Request bodies. Secrets in them are revealed here, on their way to the wire, and nowhere else. */
import { Secret } from '../../support/secret.ts';
import { isList, isMap, type Value } from '../../support/value.ts';

/** The value as JSON would write it, with secrets as their texts. */
export function plainValue(value: Value): unknown {
  if (value instanceof Secret) return value.reveal();
  if (isList(value)) return value.map(plainValue);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plainValue(v)]));
  return value;
}

function asText(value: Value): string {
  const plain = plainValue(value);
  return typeof plain === 'string' ? plain : JSON.stringify(plain);
}

export interface Body {
  readonly bytes: Buffer;
  readonly type: string | undefined;
}

export function bodyOf(body: Value, format: 'raw' | 'json' | 'form-urlencoded'): Body {
  switch (format) {
    case 'raw':
      return { bytes: Buffer.from(asText(body), 'utf8'), type: undefined };
    case 'json':
      // A text is JSON already, as in Ansible; anything else is written as JSON.
      return { bytes: Buffer.from(typeof body === 'string' || body instanceof Secret ? asText(body) : JSON.stringify(plainValue(body)), 'utf8'), type: 'application/json' };
    case 'form-urlencoded': {
      const fields = new URLSearchParams();
      const entries: readonly (readonly [string, Value])[] = isMap(body)
        ? Object.entries(body)
        : isList(body)
          ? body.flatMap((pair) => (isList(pair) && pair.length === 2 ? [[asText(pair[0] ?? ''), pair[1] ?? ''] as const] : []))
          : [];
      for (const [name, value] of entries) for (const one of isList(value) ? value : [value]) fields.append(name, asText(one));
      const text = isMap(body) || isList(body) ? fields.toString() : asText(body);
      return { bytes: Buffer.from(text, 'utf8'), type: 'application/x-www-form-urlencoded' };
    }
  }
}
