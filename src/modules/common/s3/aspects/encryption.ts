/** How objects are encrypted that say nothing themselves (S3 API reference: ServerSideEncryptionConfiguration). */
import { child, childText, xml } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export interface Encryption {
  readonly algorithm: 'AES256' | 'aws:kms';
  /** Name of the key, for `aws:kms`. */
  readonly key: string | null;
}

export const encryption = defineAspect<Encryption>({
  name: 'encryption',
  label: 'encryption',
  subresource: 'encryption',
  none: ['ServerSideEncryptionConfigurationNotFoundError'],
  read(body) {
    const rule = child(rootOf(body, 'ServerSideEncryptionConfiguration'), 'Rule');
    const by = rule === undefined ? undefined : child(rule, 'ApplyServerSideEncryptionByDefault');
    if (by === undefined) return undefined;
    const algorithm = childText(by, 'SSEAlgorithm');
    if (algorithm !== 'AES256' && algorithm !== 'aws:kms') throw new Error(`an algorithm that is not known: ${String(algorithm)}`);
    const key = childText(by, 'KMSMasterKeyID');
    return { algorithm, key: key === undefined || key === '' ? null : key };
  },
  write: ({ algorithm, key }) =>
    xml('ServerSideEncryptionConfiguration', [xml('Rule', [xml('ApplyServerSideEncryptionByDefault', [xml('SSEAlgorithm', algorithm), xml('KMSMasterKeyID', key ?? undefined)])])]),
});
