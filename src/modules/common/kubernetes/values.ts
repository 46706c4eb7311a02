/** Objects of the API as values of tasks. Pure. */
import { Secret } from '../../../support/secret.ts';
import { isMap, type Value, type ValueMap } from '../../../support/value.ts';
import { KUBECTL_COPY } from './essence.ts';

/** What a Secret holds stays secret. */
export function objectValues(object: Readonly<Record<string, unknown>>): ValueMap {
  // Sound: it was read as JSON.
  const plain = object as ValueMap;
  if (plain['kind'] !== 'Secret') return plain;
  const { data, metadata } = plain;
  const annotations = isMap(metadata) ? metadata['annotations'] : undefined;
  const copy = isMap(annotations) ? annotations[KUBECTL_COPY] : undefined;
  return {
    ...plain,
    ...(isMap(data) ? { data: Object.fromEntries(Object.entries(data).map(([name, each]): readonly [string, Value] => [name, typeof each === 'string' ? new Secret(each) : null])) } : {}),
    ...(isMap(metadata) && isMap(annotations) && typeof copy === 'string' ? { metadata: { ...metadata, annotations: { ...annotations, [KUBECTL_COPY]: new Secret(copy) } } } : {}),
  };
}
