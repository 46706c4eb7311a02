/**
 * `notify:` of the inventory: whom to tell of a run, and how. A variable of the group `all`, so that it lies beside everything else of
 * a site, may use templates and encrypted values, and is checked before any host is touched.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { spanOf } from '../../language/positions.ts';
import { schemaErrors } from '../../language/schema-errors.ts';
import type { Loaded } from '../../run/load.ts';
import { Variables } from '../../run/variables.ts';
import { badInput, Diagnostic } from '../../support/diagnostic.ts';
import { revealed, Secret } from '../../support/secret.ts';
import type { ValueMap } from '../../support/value.ts';

/** What may be worth a message; {@link decide} says which of them a run is. The first three are a nightly run that is none (`converge`). */
export const EVENTS = ['missed', 'hung', 'died', 'failed', 'unreachable', 'unfinished', 'unknown', 'calendar', 'drifted', 'changed', 'recovered'] as const;
export type NotifyEvent = (typeof EVENTS)[number];

const Text = z.union([z.string(), z.instanceof(Secret)]);
/** A secret by its type, so that it is masked wherever it might turn up. */
const SecretValue = Text.transform((value) => (value instanceof Secret ? value : new Secret(value)));
// RFC 5321, 4.1.2, as far as people use it; no display name, so that nothing has to be quoted.
const Address = z.string().regex(/^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/, 'must be a plain mail address: ops@hospital.example');
const Addresses = z.union([Address.transform((one) => [one]), z.array(Address).min(1).max(50)]);
const CaFile = z.string().min(1).describe('Further CA certificates to trust, a PEM file on the controller; those of the system are trusted anyway');
const timeout = (standard: number): z.ZodDefault<z.ZodInt> => z.int().min(1).max(300).default(standard).describe('Seconds for each step of a try');

const protocols = (...allowed: readonly string[]) => (value: string | Secret): boolean => {
  const url = URL.parse(revealed(value));
  return url !== null && url.hostname !== '' && allowed.includes(url.protocol);
};

const Mail = z
  .strictObject({
    url: z.string().refine(protocols('smtp:', 'smtps:'), 'must be smtp://HOST:PORT (STARTTLS) or smtps://HOST:PORT').refine((value) => { const url = URL.parse(value); return url?.username === '' && url.password === ''; }, 'must hold no user and no password: they have options of their own').describe('The server: `smtp://HOST:587`, which must offer STARTTLS, or `smtps://HOST:465`'),
    from: Address.describe('Who sends it'),
    to: Addresses.describe('Who gets it: one address or a list'),
    username: z.string().min(1).optional().describe('For SASL; with `password`'),
    password: SecretValue.optional().describe('Its password; keep it encrypted'),
    starttls: z.enum(['required', 'never']).default('required').describe('`never`: in the clear, for a relay on the same host; then without a password'),
    ca_file: CaFile.optional(),
    timeout: timeout(20),
    attach_report: z.boolean().default(false).describe('Attach the HTML page; it has diffs when the run has them (`--diff`, `--report`)'),
  })
  .refine((mail) => (mail.username === undefined) === (mail.password === undefined), { message: 'username and password go together', path: ['username'] })
  .refine((mail) => mail.password === undefined || mail.starttls === 'required' || mail.url.startsWith('smtps:'), { message: 'a password is never sent in the clear', path: ['starttls'] });

const Webhook = z.strictObject({
  url: Text.refine(protocols('http:', 'https:'), 'must be an http or https URL').transform((value) => (value instanceof Secret ? value : new Secret(value))).describe('Where to POST it. Taken for a secret: many carry a token'),
  secret: SecretValue.optional().describe('Signs each message as Standard Webhooks 1.0 has it; `whsec_…` is base64, anything else is taken as it is'),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be a name of an HTTP header'), SecretValue.refine((value) => !/[\r\n\0]/.test(value.reveal()), 'must be one line')).default({}).describe('Further headers, e.g. `Authorization`; their values are taken for secrets'),
  ca_file: CaFile.optional(),
  timeout: timeout(10),
});

export const NotifySchema = z
  .strictObject({
    mail: Mail.optional().describe('A mail: what came of the run as text and HTML'),
    webhook: z.union([Webhook.transform((one) => [one]), z.array(Webhook).max(10)]).optional().describe('The same as JSON by HTTP: one, or a list'),
    events: z.array(z.enum(EVENTS)).min(1).default([...EVENTS]).describe('What is worth a message'),
    tries: z.int().min(1).max(10).default(3).describe('How often to try when the other side is away for a moment'),
    link: z.string().refine(protocols('http:', 'https:'), 'must be an http or https URL').optional().describe('Where people find the reports; goes into each message'),
  })
  .refine((notify) => notify.mail !== undefined || (notify.webhook?.length ?? 0) > 0, { message: 'names nobody to tell: give mail, webhook, or both' });

export type Notify = z.output<typeof NotifySchema>;
export type MailConfig = NonNullable<Notify['mail']>;
export type WebhookConfig = NonNullable<Notify['webhook']>[number];

/** The variable's name. */
const NAME = 'notify';

/**
 * Reads `notify` of the inventory; undefined when there is none.
 *
 * @throws Diagnostic or DiagnosticList (bad input) when it is wrong, or a CA file cannot be read
 */
export function readNotify(loaded: Pick<Loaded, 'inventory' | 'secrets'>, extraVars: ValueMap): Notify | undefined {
  // The implicit localhost has the variables of `all`, and the controller is what tells.
  const scope = new Variables({ inventory: loaded.inventory, extraVars, mode: 'verify', diff: false, decrypt: loaded.secrets.decrypt }).hostScope('localhost');
  if (!scope.has(NAME)) return undefined;
  const value = scope.get(NAME);
  const fallback = spanOf(loaded.inventory.variablesOf('localhost'), NAME);
  const parsed = NotifySchema.safeParse(value);
  if (!parsed.success) throw schemaErrors(parsed.error, value, { what: 'the variable notify', schema: NotifySchema, fallback, code: 'bad-notify' });
  for (const file of [parsed.data.mail?.ca_file, ...(parsed.data.webhook ?? []).map((hook) => hook.ca_file)]) {
    if (file !== undefined) caCertificates(file);
  }
  return parsed.data;
}

/** Stands for a secret that cannot be opened here; it would do in every place of the schema that takes one. */
const STAND_IN = Secret.derived('https://secret.invalid/');

/** Whether `notify` is sound, also for who has no key to the secrets, as a CI job. @throws Diagnostic or DiagnosticList (bad input) */
export function checkNotify(loaded: Pick<Loaded, 'inventory' | 'secrets'>, extraVars: ValueMap): void {
  const decrypt: Loaded['secrets']['decrypt'] = (encrypted) => {
    try {
      return loaded.secrets.decrypt(encrypted);
    } catch (error) {
      if (error instanceof Diagnostic && error.code === 'no-key') return STAND_IN;
      throw error;
    }
  };
  readNotify({ inventory: loaded.inventory, secrets: { ...loaded.secrets, decrypt } }, extraVars);
}

/** As {@link readNotify}, for a run that is to tell somebody. @throws Diagnostic when there is nobody */
export function requireNotify(loaded: Pick<Loaded, 'inventory' | 'secrets'>, extraVars: ValueMap): Notify {
  const notify = readNotify(loaded, extraVars);
  if (notify === undefined) throw badInput('no-notify', '--notify: the inventory does not say whom to tell', { remedy: 'describe it in the variable notify of group all (docs/reports.md), or leave --notify out' });
  return notify;
}

/** The certificates of a CA file. @throws Diagnostic (bad input) */
export function caCertificates(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  } catch (cause) {
    throw badInput('bad-notify', `notify: ca_file ${file} cannot be read`, { cause });
  }
  throw badInput('bad-notify', `notify: ca_file ${file} holds no certificate in PEM`);
}
