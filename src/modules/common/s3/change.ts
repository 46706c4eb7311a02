/** Changes that a store makes: what `--diff` shows is the settings before and after, in one way of writing. */
import { stringify } from 'yaml';
import type { ServiceChange } from '../../../host/plan.ts';
import type { Effect } from '../../../host/query.ts';
import { s3, type S3Client } from '../../../services/s3/client.ts';
import type { S3Login } from '../../../services/s3/login.ts';
import type { S3Request } from '../../../services/s3/sign.ts';

export interface S3Change {
  readonly login: S3Login;
  readonly resource: string;
  readonly what: string;
  /** Shown as YAML; undefined for nothing. */
  readonly before: unknown;
  readonly after: unknown;
  readonly effects: readonly Effect[];
  /** What is sent. The client is there for bodies that must be sealed. */
  readonly request: S3Request | ((client: S3Client) => Promise<S3Request>);
}

/** Settings as text, with keys in one order, so that a difference is a difference. */
export function settingsText(value: unknown): string {
  return value === undefined ? '' : stringify(value, { sortMapEntries: true, lineWidth: 0 });
}

export function s3Change(change: S3Change): ServiceChange {
  const { login, request } = change;
  return {
    resource: change.resource,
    what: change.what,
    diff: { before: settingsText(change.before), after: settingsText(change.after) },
    effects: change.effects,
    async call(port) {
      const client = port.clients.get(s3, login);
      await client.write(typeof request === 'function' ? await request(client) : request, port);
    },
  };
}
