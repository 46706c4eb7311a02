import { action, ok, type ActionResult } from '../../host/plan.ts';
import { Secret } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';
import { dueStep, readAuthority, takeStep, trustedBy, writeAuthority, type Authority } from '../../support/x509/authority.ts';
import { daysLeft } from '../../support/x509/decide.ts';
import { pemBlocks } from '../../support/x509/inspect.ts';
import { authorityOf, certificateSeen, subjectOf } from '../common/x509.ts';
import { defineModule } from '../define.ts';
import { keep, readKept } from './keep.ts';
import { CaSchema } from './schema.ts';

function valuesOf(authority: Authority, now: number): ValueMap {
  return {
    certificate: authority.current.certificate.pem,
    bundle: trustedBy(authority, now).map((c) => c.pem).join(''),
    not_after: new Date(authority.current.certificate.notAfter * 1000).toISOString(),
    days_left: Number(daysLeft(authority.current.certificate, now)),
    rotating: authority.next !== undefined,
  };
}

export const x509Ca = defineModule({
  name: 'x509_ca',
  summary: 'Keep a certificate authority on the controller',
  description: `The CA's key stays on the controller and is never sent to any host: hosts make their own keys, only public keys come
back, and \`x509_certificate\` signs them there. So no host is worth breaking into for the CA, and none must be up for a
nightly renewal. The file holds certificates and keys in one PEM text (mode 0600, outside git: \`.care/\` is ignored).
For several operators or a CI job, put that text into the inventory as an encrypted secret and give it to the other x509
modules in place of the path; then leave this module out.

**Change of CA**, without an outage: when \`rotate_at_percent\` of its life has passed (or \`rotate\` is given), the next CA is
made and trusted beside the current one; after \`overlap_days\` it signs, and every certificate of the old CA is made
anew by the next run; the old CA stays trusted until it ends. After a theft: \`rotate: true\` with \`overlap_days: 0\`,
twice, then take the old certificate out of the file.

Put \`run_once: true\` on the task: the CA is one thing, not one a host. Back the file up.`,
  args: CaSchema,
  examples: [
    {
      title: 'The site\'s CA, made once',
      yaml: 'x509_ca:\n  path: "{{ inventory_dir }}/.care/pki/authority.pem"\n  common_name: Care {{ site }} CA\n  organization_name: Care\n  permitted: [care.test, 10.0.0.0/8]\nrun_once: true\n',
    },
  ],
  returns: { certificate: 'the CA certificate that signs, PEM', bundle: 'all CA certificates to trust, PEM', not_after: 'when the CA ends, ISO 8601', days_left: 'days until then', rotating: 'whether a next CA is on its way' },
  observes: (_args, { not_after }) => certificateSeen('(the CA)', not_after),
  plan(args, host) {
    const now = host.base.epoch;
    const wish = {
      subject: subjectOf(args),
      type: args.type,
      days: args.days,
      pathLength: args.path_length,
      permitted: args.permitted,
      rotateAtPercent: args.rotate_at_percent,
      overlapDays: args.overlap_days,
      rotate: args.rotate,
    };
    const seen = authorityOf(args.path, host);
    const step = dueStep(seen, wish, now);
    if (step === undefined) return seen === undefined ? ok() : ok(valuesOf(seen, now));
    return action({
      resource: `certificate authority ${args.path}`,
      what: step.what,
      mutates: true,
      // Nothing on the host is touched.
      effects: [],
      perform: {
        type: 'conversation',
        converse(): Promise<ActionResult> {
          const text = readKept(args.path);
          const authority = text === undefined ? undefined : readAuthority(text);
          const due = dueStep(authority, wish, now);
          // Another host of the play was here first.
          if (due === undefined && authority !== undefined) return Promise.resolve({ changed: false, values: valuesOf(authority, now) });
          const after = takeStep(authority, due ?? step, wish, now);
          const written = writeAuthority(after);
          for (const key of pemBlocks(written, 'PRIVATE KEY')) new Secret(key);
          keep(args.path, written, text);
          return Promise.resolve({ changed: true, values: valuesOf(after, now) });
        },
      },
    });
  },
});
