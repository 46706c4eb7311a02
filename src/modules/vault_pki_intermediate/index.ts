import { z } from 'zod';
import { ok, type Plan } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import type { Data } from '../../services/vault/client.ts';
import { trustedBy, type Authority } from '../../support/x509/authority.ts';
import { daysLeft } from '../../support/x509/decide.ts';
import { readCertificates, type Certificate } from '../../support/x509/inspect.ts';
import { loginFields, SECRET_LOGIN_ARGS } from '../common/vault/login.ts';
import { MountPath } from '../common/vault/mount.ts';
import { asked, changesOf, groundOf, known, planned, refuse, vaultChange } from '../common/vault/object.ts';
import { authorityArgument, authorityOf, NO_AUTHORITY_REMEDY } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { makeIntermediate } from './make.ts';

const IntermediateArgs = z.strictObject({
  mount: MountPath.default('pki').describe('Where the engine is mounted'),
  common_name: z.string().min(1).max(64).describe('CN of the intermediate CA'),
  signed_by: authorityArgument.describe('The CA that signs it: a path on the controller, or its text'),
  key_type: z.enum(['ec', 'rsa', 'ed25519']).default('ec').describe('Type of its key, which never leaves the server'),
  key_bits: z.int().default(256).describe('256 or 384 for ec, 3072 or 4096 for rsa, 0 for ed25519'),
  days: z.int().min(1).max(36_500).default(1825).describe('How long it is valid, in days, and never longer than the CA that signs it'),
  renew_at_percent: z.int().min(1).max(95).default(66).describe('A next one is made when so much of its life has passed; the earlier one stays trusted until it ends'),
  permitted: z.array(z.string()).default([]).describe('Domains and networks that it may issue for (name constraints); empty for any'),
  ...loginFields,
});
type IntermediateArgs = z.output<typeof IntermediateArgs>;

/** The CA that issues by default; none when the engine has none. */
function currentOf(data: Data | null, mount: string): Certificate | undefined {
  const text = data?.['certificate'];
  if (typeof text !== 'string' || text === '') return undefined;
  // One that came in without its key signs nothing.
  if (data?.['key_id'] === '') return undefined;
  const found = certificateIn(text);
  if (found instanceof Error) return refuse(`the certificate of the default issuer of ${mount} can't be read: ${found.message}`, `see ${mount}/issuer/default; choose another default issuer (${mount}/config/issuers) or remove this one, and apply again`);
  return found;
}

function certificateIn(text: string): Certificate | Error {
  try {
    return readCertificates(text)[0] ?? new Error('it holds no certificate');
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Why another one is due; undefined when the current one will do. Pure. */
export function whyAnother(current: Certificate | undefined, args: Pick<IntermediateArgs, 'common_name' | 'renew_at_percent'>, signer: Authority, now: number): string | undefined {
  if (current === undefined) return 'there is none';
  const trusted = trustedBy(signer, now);
  if (!trusted.some((ca) => current.signedBy(ca))) return 'the CA has not signed it';
  if (current.subject !== `CN=${args.common_name}`) return `it is ${current.subject}`;
  if (now >= current.notBefore + ((current.notAfter - current.notBefore) * args.renew_at_percent) / 100) return `${daysLeft(current, now)} days are left`;
  return undefined;
}

const issuerPath = (args: Pick<IntermediateArgs, 'mount'>): string => `${args.mount}/issuer/default`;
/** How the servers say that there is none yet. */
const NO_ISSUER = /no default issuer|no default currently configured|unable to find PKI issuer/i;

function plan(args: IntermediateArgs, host: HostView): Plan {
  const signer = authorityOf(args.signed_by, host);
  const ground = groundOf(args, host);
  const resource = `vault CA ${args.mount}`;
  if (signer === undefined) {
    if (!host.checkMode) return refuse('the CA that is to sign does not exist', NO_AUTHORITY_REMEDY);
    return changesOf([vaultChange(ground, { resource, what: 'make: there is none', before: '', after: `CN=${args.common_name}\n`, forgets: [], work: () => Promise.resolve() })]);
  }
  if (signer.current.certificate.pathLength === 0) return refuse('the CA that is to sign allows no CA below it', 'make its next one with pki_authority_path_length: 1 (role pki, pki_authority_rotate), or give another in signed_by');
  const path = issuerPath(args);
  const current = currentOf(known(host, ground, path, NO_ISSUER), args.mount);
  const why = whyAnother(current, args, signer, host.base.epoch);
  if (why === undefined) return ok({ not_after: new Date((current?.notAfter ?? 0) * 1000).toISOString() });
  const before = current === undefined ? '' : `${current.subject}, signed by ${current.issuer}\n`;
  return changesOf([vaultChange(ground, { resource, what: `make: ${why}`, before, after: `CN=${args.common_name}, signed by ${signer.current.certificate.subject}\n`, forgets: [path], work: (client, limits) => makeIntermediate(client, args, signer, limits) })]);
}

export const vaultPkiIntermediate = defineModule({
  name: 'vault_pki_intermediate',
  summary: 'Keep an intermediate CA in a PKI engine of OpenBao or Vault, signed by the site\'s CA',
  description: `The server makes the key and keeps it; the certificate is made on the controller, from the CA there, for a CA that may sign no further ones. Made anew
when another CA signs, under another name, and in time before it ends; what earlier ones have issued stays valid.`,
  args: IntermediateArgs,
  secretArgs: ['signed_by', ...SECRET_LOGIN_ARGS],
  examples: [{ title: 'Certificates for applications', yaml: 'vault_pki_intermediate:\n  mount: pki\n  common_name: Care applications CA\n  signed_by: "{{ pki_authority }}"\n  url: https://10.0.0.1:8200\n  authority: "{{ pki_authority }}"\n  operator_authority: "{{ vault_operator_authority }}"' }],
  returns: { not_after: 'when it ends, ISO 8601, when nothing was changed' },
  queries: (args, host) => asked(args, host, [issuerPath(args)]),
  plan: (args, host) => planned(() => plan(args, host)),
});
