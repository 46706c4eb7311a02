import { z } from 'zod';
import { failed, ok } from '../../host/plan.ts';
import { revealed } from '../../support/secret.ts';
import { SecretText } from '../arguments.ts';
import { defineModule } from '../define.ts';

export const S3UploadInventoryArgs = z.strictObject({
  option: z.string().min(1).describe('What the options of the role begin with, for messages: logging_archive_s3'),
  url: z.string().default('').describe('Bucket, and a folder in it; empty: nothing goes to object storage'),
  access_key: z.string().default('').describe('Account that puts objects there'),
  secret_key: SecretText.default('').describe('Its secret key'),
  region: z.string().default('us-east-1').describe('Region that the store says it is in'),
  recipients: z.array(z.string()).optional().describe('Public age keys of those who alone may read what goes there; leave it out where the role asks for them anyhow'),
  recipients_option: z.string().default('').describe('Name of the option with the recipients, for messages'),
  required_by: z.string().default('').describe('What can’t be without object storage, for the message that says so; empty: it may be left out'),
});
export type S3UploadInventoryArgs = z.output<typeof S3UploadInventoryArgs>;

/** `https://STORE[:PORT]/BUCKET[/FOLDER]`, of characters that every signer writes alike (RFC 3986, unreserved, but `~`). */
const BUCKET_URL = /^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._-]+)+$/;
/** A Bech32 string of age's X25519 recipients (age-encryption.org/v1). */
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

function ofUrl({ option, url }: S3UploadInventoryArgs): readonly string[] {
  if (/^http:/i.test(url)) return [`${option}_url is not encrypted on its way (http): it must be the https address of a bucket`];
  return BUCKET_URL.test(url) ? [] : [`${option}_url must be the https address of a bucket, of letters, digits and . _ -, such as https://s3.site.example:9000/BUCKET, but is ${JSON.stringify(url)}`];
}

function ofRecipients({ option, recipients, recipients_option: name }: S3UploadInventoryArgs): readonly string[] {
  if (recipients === undefined) return [];
  if (recipients.length === 0) return [`${option}_url needs ${name}: what goes there is encrypted for somebody`];
  const wrong = recipients.filter((each) => !RECIPIENT.test(each)).length;
  // It may be a private key: nothing of it is repeated.
  return wrong === 0 ? [] : [`${name} has ${String(wrong)} that are no public age keys (age1… of 62 characters, as \`age-keygen -y\` prints them; never AGE-SECRET-KEY-…)`];
}

/** Every problem, a sentence each; empty when files can go there, or none are to. */
export function checkS3Upload(args: S3UploadInventoryArgs): readonly string[] {
  const { option, url, access_key: name } = args;
  const key = revealed(args.secret_key);
  if (url === '') {
    if (args.required_by !== '') return [`${args.required_by}, and ${option}_url is empty`];
    const lonely = [...(name === '' ? [] : [`${option}_access_key`]), ...(key === '' ? [] : [`${option}_secret_key`]), ...((args.recipients ?? []).length === 0 ? [] : [args.recipients_option])];
    return lonely.length === 0 ? [] : [`${lonely.join(' and ')} without ${option}_url: say where files go, or leave all of it out`];
  }
  return [
    ...ofUrl(args),
    ...(/^[A-Za-z0-9._-]+$/.test(name) ? [] : [`${option}_url needs ${option}_access_key, of letters, digits and . _ -`]),
    ...(/^[!-~]{8,}$/.test(key) ? [] : [`${option}_url needs ${option}_secret_key, 8 printable ASCII characters or more`]),
    ...(/^[a-z0-9-]+$/.test(args.region) ? [] : [`${option}_region must be of a-z, digits and -`]),
    ...ofRecipients(args),
  ];
}

export const s3UploadInventory = defineModule({
  name: 's3_upload_inventory',
  summary: 'Refuse half-given settings of files that go to object storage',
  description: `Asks no host. Where its arguments can be told before a run, it is judged before any host is touched, by \`validate\` too. Used by roles that put
files into a bucket (role \`s3_upload\`).`,
  args: S3UploadInventoryArgs,
  examples: [{ title: 'Files of the logs', yaml: 's3_upload_inventory:\n  option: logging_archive_s3\n  url: "{{ logging_archive_s3_url }}"\n  access_key: "{{ logging_archive_s3_access_key }}"\n  secret_key: "{{ logging_archive_s3_secret_key }}"\n  recipients: "{{ logging_archive_recipients }}"\n  recipients_option: logging_archive_recipients\n' }],
  secretArgs: ['secret_key'],
  refuses: checkS3Upload,
  plan(args) {
    const problems = checkS3Upload(args);
    return problems.length === 0 ? ok() : failed(problems.join('\n'), 'change the inventory');
  },
});
