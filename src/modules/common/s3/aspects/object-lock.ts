/** Object lock of a bucket, and for how long new objects are kept (S3 API reference: ObjectLockConfiguration). It comes with the bucket. */
import { child, childText, xml } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly unit: 'days' | 'years';
  readonly count: number;
}

export interface ObjectLock {
  /** How long an object is kept that says nothing itself; null: not at all. */
  readonly retention: Retention | null;
}

export const objectLock = defineAspect<ObjectLock>({
  name: 'object-lock',
  label: 'object lock',
  subresource: 'object-lock',
  none: ['ObjectLockConfigurationNotFoundError', 'NoSuchObjectLockConfiguration'],
  read(body) {
    const root = rootOf(body, 'ObjectLockConfiguration');
    if (childText(root, 'ObjectLockEnabled') !== 'Enabled') return undefined;
    const rule = child(root, 'Rule');
    const retention = rule === undefined ? undefined : child(rule, 'DefaultRetention');
    if (retention === undefined) return { retention: null };
    const mode = childText(retention, 'Mode');
    if (mode !== 'GOVERNANCE' && mode !== 'COMPLIANCE') throw new Error(`a mode of object lock that is not known: ${String(mode)}`);
    const years = childText(retention, 'Years');
    return { retention: { mode, unit: years === undefined ? 'days' : 'years', count: Number(years ?? childText(retention, 'Days')) } };
  },
  write: ({ retention }) =>
    xml('ObjectLockConfiguration', [
      xml('ObjectLockEnabled', 'Enabled'),
      ...(retention === null ? [] : [xml('Rule', [xml('DefaultRetention', [xml('Mode', retention.mode), xml(retention.unit === 'years' ? 'Years' : 'Days', retention.count)])])]),
    ]),
});
