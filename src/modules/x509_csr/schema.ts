import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { CertificateMode, ownershipArguments, Sans, subjectArguments } from '../common/x509.ts';

export const CsrSchema = z
  .strictObject({
    path: AbsolutePath.describe('File of the request on the host; its directory must exist'),
    privatekey_path: AbsolutePath.describe('The private key on the host that it is for'),
    ...subjectArguments,
    subject_alt_name: Sans.default([]),
    mode: CertificateMode,
    ...ownershipArguments,
  })
  .refine((args) => args.common_name !== undefined || args.subject_alt_name.length > 0, 'needs a common_name or a subject_alt_name');
