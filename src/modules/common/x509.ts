/** What the x509 modules share: arguments, the CA from the controller, and writing their files. */
import { z } from 'zod';
import type { HostView } from '../../host/view.ts';
import { stat, type PathFact } from '../../host/kinds/path.ts';
import { content } from '../../host/kinds/content.ts';
import type { Change } from '../../host/plan.ts';
import { forgetTree } from '../../host/query.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { Observation } from '../../support/observation.ts';
import { revealed, Secret } from '../../support/secret.ts';
import { attach, sh, type Script } from '../../support/shell.ts';
import type { Value } from '../../support/value.ts';
import { readAuthority, trustedBy, type Authority } from '../../support/x509/authority.ts';
import { pemBlocks, readCertificates, type Certificate } from '../../support/x509/inspect.ts';
import { canonicalSan, type Subject } from '../../support/x509/names.ts';
import { AccountName, Mode, SecretText } from '../arguments.ts';

export const ownershipArguments = {
  owner: AccountName.optional().describe('Owner of the file; default: as it is, the acting user for a new one'),
  group: AccountName.optional().describe('Group of the file; default: as it is'),
};

/** Letters that certificate tools agree on; RFC 5280's upper bound for a name is 64. */
const NamePart = z.string().min(1).max(64).refine((v) => !/[\p{Cc}]/u.test(v), 'must not hold control characters');

export const subjectArguments = {
  common_name: NamePart.optional().describe('CN of the subject'),
  organization_name: NamePart.optional().describe('O of the subject'),
  organizational_unit_name: NamePart.optional().describe('OU of the subject'),
  country_name: z.string().regex(/^[A-Z]{2}$/, 'must be two capital letters').optional().describe('C of the subject'),
  state_or_province_name: NamePart.optional().describe('ST of the subject'),
  locality_name: NamePart.optional().describe('L of the subject'),
};

export function subjectOf(args: Subject): Subject {
  const { common_name, organization_name, organizational_unit_name, country_name, state_or_province_name, locality_name } = args;
  return { common_name, organization_name, organizational_unit_name, country_name, state_or_province_name, locality_name };
}

const San = z
  .string()
  .refine((s) => canonicalSan(s) !== undefined, 'must be DNS:name, IP:address, URI:… or email:…')
  .transform((s) => canonicalSan(s) ?? s);
export const Sans = z
  .union([San, z.array(San)])
  .transform((v) => [...new Set(typeof v === 'string' ? [v] : v)])
  .describe('Alternative names: DNS:db1.example.org, IP:192.0.2.1; a bare name or address is taken for what it looks like');

export const authorityArgument = SecretText.describe('The CA: absolute path of the file on the controller that x509_ca keeps, or its text (a secret of the inventory)');

/**
 * The CA that an argument means.
 * @returns undefined when it names a file that is not there
 * @throws Diagnostic when it cannot be read
 */
export function authorityOf(argument: string | Secret, host: HostView): Authority | undefined {
  const given = revealed(argument);
  let text = given;
  if (!given.includes('-----BEGIN ')) {
    try {
      text = host.localFile(given).bytes().toString('utf8');
      // Made known to the masks; the certificates beside the keys are public.
      for (const key of pemBlocks(text, 'PRIVATE KEY')) new Secret(key);
    } catch (error) {
      if (error instanceof Diagnostic && error.kind === 'bad-input') return undefined;
      throw error;
    }
  }
  try {
    return readAuthority(text);
  } catch (error) {
    throw failure('bad-authority', `the CA ${given === text ? 'given as text' : given} ${error instanceof Error ? error.message : String(error)}`, {
      remedy: 'restore it from a backup or from the inventory\'s secrets; moving it away makes x509_ca create another CA, which every host must then learn to trust',
      cause: error,
    });
  }
}

export const NO_AUTHORITY_REMEDY = 'run x509_ca with this path before, or give the CA as a secret of the inventory';

export interface Attributes {
  readonly mode: string;
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** Writes a public text file in one step, and says what is known of it then. */
export function putChange(resource: string, what: string, path: string, text: string, before: string, attributes: Attributes): Change {
  const bytes = Buffer.from(text, 'utf8');
  return {
    resource,
    what,
    diff: { before, after: text, name: path },
    script: sh`care_put ${attach(bytes)} ${path} ${attributes.mode} ${attributes.owner ?? ''} ${attributes.group ?? ''}`,
    effects: [forgetTree(path), stat(path).is(attributeFact(attributes, bytes.length)), content(path).is(bytes)],
  };
}

/** Check mode: a file is written whose text depends on what is only made by the apply. */
export function foreseenChange(resource: string, what: string, path: string, attributes: Attributes): Change {
  return { resource, what, script: sh`:`, effects: [forgetTree(path), stat(path).is(attributeFact(attributes))] };
}

function attributeFact(attributes: Attributes, size?: number): PathFact {
  return {
    exists: true,
    type: 'file',
    mode: attributes.mode,
    ...(attributes.owner === undefined ? {} : { [/^\d+$/.test(attributes.owner) ? 'uid' : 'owner']: idOrName(attributes.owner) }),
    ...(attributes.group === undefined ? {} : { [/^\d+$/.test(attributes.group) ? 'gid' : 'group']: idOrName(attributes.group) }),
    ...(size === undefined ? {} : { size }),
  };
}

function idOrName(name: string): string | number {
  return /^\d+$/.test(name) ? Number(name) : name;
}

export { attributeFact };

/** The changes that a file's mode and ownership need; none when they are right. */
export function attributeChanges(resource: string, path: string, now: PathFact, wanted: Attributes): readonly Change[] {
  if (!now.exists) return [];
  const steps: { readonly what: string; readonly script: Script }[] = [];
  const differs = (name: string | undefined, id: number | undefined, want: string | undefined): boolean => want !== undefined && want !== name && want !== String(id);
  if (differs(now.owner, now.uid, wanted.owner)) steps.push({ what: `owner ${String(now.owner)} → ${String(wanted.owner)}`, script: sh`chown -h -- ${wanted.owner ?? ''} ${path}` });
  if (differs(now.group, now.gid, wanted.group)) steps.push({ what: `group ${String(now.group)} → ${String(wanted.group)}`, script: sh`chgrp -h -- ${wanted.group ?? ''} ${path}` });
  if (now.mode !== wanted.mode) steps.push({ what: `mode ${String(now.mode)} → ${wanted.mode}`, script: sh`chmod -- ${wanted.mode} ${path}` });
  if (steps.length === 0) return [];
  return [
    {
      resource,
      what: steps.map((s) => s.what).join(', '),
      script: sh`${steps.map((s) => s.script).reduce((a, b) => sh`${a}\n${b}`)}`,
      effects: [stat(path).is(attributeFact(wanted, now.size))],
    },
  ];
}

export const CertificateMode = Mode.default('0644').describe('Mode of the file');

export const certificatesArgument = z
  .array(SecretText)
  .default([])
  .describe('Further CA certificates: PEM text, or files on the controller');

/**
 * The CA certificates to trust: those of the CA, and further ones; each once.
 * @returns undefined when the CA is a file that is not there
 * @throws Diagnostic when a further one holds no certificate
 */
export function trustedCertificates(authority: string | Secret | undefined, further: readonly (string | Secret)[], host: HostView): readonly Certificate[] | undefined {
  const own = authority === undefined ? [] : authorityOf(authority, host);
  if (own === undefined) return undefined;
  const all = [...('current' in own ? trustedBy(own, host.base.epoch) : [])];
  for (const item of further) {
    const given = revealed(item);
    const isText = given.includes('-----BEGIN ');
    const found = readCertificates(isText ? given : host.localFile(given).bytes().toString('utf8'));
    if (found.length === 0) throw failure('no-certificate', `${isText ? 'a text in certificates' : given} holds no certificate`);
    all.push(...found);
  }
  return [...new Map(all.map((c) => [c.fingerprint, c])).values()];
}

/** A certificate for the calendar of reports. @param notAfter ISO 8601 @param state as x509_info has it */
export function certificateSeen(path: Value | undefined, notAfter: Value | undefined, state?: Value): readonly Observation[] {
  if (typeof path !== 'string') return [];
  const time = typeof notAfter === 'string' ? { time: notAfter } : {};
  if (typeof state === 'string' && state !== 'valid') return [{ subject: 'certificate', name: path, ...time, state }];
  return 'time' in time ? [{ subject: 'certificate', name: path, ...time }] : [];
}
