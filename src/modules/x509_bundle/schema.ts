import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { authorityArgument, CertificateMode, certificatesArgument, ownershipArguments } from '../common/x509.ts';

export const BundleSchema = z
  .strictObject({
    path: AbsolutePath.describe('File on the host; its directory must exist'),
    authority: authorityArgument.optional(),
    certificates: certificatesArgument,
    mode: CertificateMode,
    ...ownershipArguments,
  })
  .refine((args) => args.authority !== undefined || args.certificates.length > 0, 'needs an authority or certificates');
