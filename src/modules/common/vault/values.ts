/** Maps of values that go to a server as they are. */
import { z } from 'zod';
import { Secret } from '../../../support/secret.ts';
import { isList, isMap, type Value, type ValueMap } from '../../../support/value.ts';

function isValue(value: unknown): value is Value {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value instanceof Secret) return true;
  if (isList(value)) return value.every(isValue);
  return isMap(value) && Object.values(value).every(isValue);
}

export const Values = z.custom<ValueMap>((value) => isMap(value) && isValue(value), 'must be a map');

export const ObjectPath = z.string().regex(/^[A-Za-z0-9][^\s?#]*[^\s?#/]$/, 'must be a path without slashes at its ends').refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'), 'must have no empty parts');
