/** Whether a bucket keeps versions (S3 API reference: VersioningConfiguration). Once on, it can be suspended, never taken away. */
import { childText, xml } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export type Versioning = 'Enabled' | 'Suspended';

export const versioning = defineAspect<Versioning>({
  name: 'versioning',
  label: 'versioning',
  subresource: 'versioning',
  none: [],
  read(body) {
    const status = childText(rootOf(body, 'VersioningConfiguration'), 'Status');
    if (status === undefined || status === '') return undefined;
    if (status !== 'Enabled' && status !== 'Suspended') throw new Error(`a status of versioning that is not known: ${status}`);
    return status;
  },
  write: (status) => xml('VersioningConfiguration', [xml('Status', status)]),
});
