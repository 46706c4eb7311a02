import { z } from 'zod';
import { AbsolutePath } from '../arguments.ts';
import { authorityArgument, CertificateMode, ownershipArguments, Sans, subjectArguments } from '../common/x509.ts';

export const CertificateSchema = z
  .strictObject({
    path: AbsolutePath.describe('File of the certificate on the host; its directory must exist'),
    privatekey_path: AbsolutePath.describe('The private key on the host that it is for (x509_private_key)'),
    authority: authorityArgument,
    ...subjectArguments,
    subject_alt_name: Sans.default([]),
    usages: z.array(z.enum(['server', 'client'])).default(['server', 'client']).describe('What it may be used for in TLS'),
    days: z.number().positive().max(3650).default(90).describe('How long it is valid; never longer than the CA'),
    renew_at_percent: z.number().min(1).max(95).default(66).describe('Renew when so much of its life has passed'),
    renew_before_days: z.number().positive().optional().describe('Renew also when fewer days are left'),
    mode: CertificateMode,
    ...ownershipArguments,
  })
  .refine((args) => args.common_name !== undefined || args.subject_alt_name.length > 0, 'needs a common_name or a subject_alt_name')
  .refine((args) => args.renew_before_days === undefined || args.renew_before_days < args.days, { path: ['renew_before_days'], message: 'must be less than days, or every run would renew' });
