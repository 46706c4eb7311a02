/** What can go wrong with an S3 store, in words for people. Codes: "Error responses" of the S3 API reference, cmd/api-errors.go of MinIO. */
import { Diagnostic } from '../../support/diagnostic.ts';
import { maskSecrets } from '../../support/secret.ts';
import { childText, parseXml } from './xml.ts';

/**
 * `silent`: no store answers there, or it says that it is not ready; `refused`: it answered, and said no; `lost`: the
 * connection broke while it was at work, so that what became of a change is not known.
 */
export type TroubleKind = 'silent' | 'refused' | 'lost';

/** As data, so that it can be a fact. */
export interface Trouble {
  readonly kind: TroubleKind;
  /** `NoSuchBucket`, where the store said one. */
  readonly code: string | undefined;
  readonly msg: string;
  readonly remedy: string | undefined;
}

export class S3Trouble extends Error {
  override readonly name = 'S3Trouble';
  readonly trouble: Trouble;

  /** @param request what was asked, as it may be shown */
  constructor(trouble: Trouble, request: string, cause?: unknown) {
    super([trouble.msg, `Request: ${request}`, ...(trouble.remedy === undefined ? [] : [`To do: ${trouble.remedy}`])].join('\n'), { cause });
    this.trouble = trouble;
  }
}

const STARTING = 'the store is starting, or too few of its nodes are up: systemctl status care-minio on the nodes';
const REMEDIES: Readonly<Record<string, string>> = {
  XMinioServerNotInitialized: STARTING,
  ServerNotInitialized: STARTING,
  XMinioIAMNotInitialized: STARTING,
  ServiceUnavailable: STARTING,
  SlowDownWrite: 'too few drives are up to write (write quorum): bring the other nodes or their drives back (journalctl -u care-minio there); nothing is lost meanwhile',
  SlowDownRead: 'too few drives are up to read (read quorum): bring the other nodes or their drives back (journalctl -u care-minio there)',
  SignatureDoesNotMatch: 'the secret key is not the one that the store knows: after a rotation give the old one once, or see the settings on its hosts',
  InvalidAccessKeyId: 'the store has no such account, or it is disabled: see access_key',
  AccessDenied: 'the account that logs in may not do this: log in as one that may (the root account, for setting up)',
  RequestTimeTooSkewed: "the clocks of this machine and of the store differ by more than a quarter of an hour: see chrony on both",
  AuthorizationHeaderMalformed: 'the store is in another region: see region',
  InvalidRegion: 'the store is in another region: see region',
  NotImplemented: 'this store does not know that feature: leave it out, or use another flavour of the store',
  XMinioAdminNoSuchPolicy: 'make the policy in an earlier task (minio_policy), or correct its name',
  XMinioAdminNoSuchUser: 'make the user in an earlier task (minio_user), or correct its name',
  NoSuchBucket: 'make the bucket in an earlier task (s3_bucket), or correct its name',
  BucketNotEmpty: 'the bucket holds objects, or old versions of them: a bucket is never emptied by this program',
  XMinioAdminPolicyChangeAlreadyApplied: 'run again',
  XMinioStorageFull: 'the drives are full: add a pool of nodes, or delete what is not needed',
  TooManyRequests: 'the store has as many requests at once as it takes: ask again, or raise requests_max of its sub-system api (minio_config)',
  QuotaExceeded: 'raise the quota of the bucket, or delete what is not needed',
};

/** With this MinIO turns a request away at its door, before anything of it is done (cmd/handler-api.go, maxClients). */
export const TURNED_AWAY = 'TooManyRequests';

/** With these a store says that it cannot be talked to just now: it is starting, has no quorum, or has too much to do. */
const NOT_READY = new Set([TURNED_AWAY, 'XMinioServerNotInitialized', 'ServerNotInitialized', 'SlowDown', 'ServiceUnavailable', 'SlowDownRead', 'SlowDownWrite', 'XMinioIAMNotInitialized']);

interface Said {
  readonly code: string | undefined;
  readonly message: string;
}

/** What an error's body says: XML of S3, or JSON of MinIO's admin API. */
function said(body: string): Said {
  const text = body.trim();
  if (text.startsWith('<')) {
    try {
      const error = parseXml(text);
      return { code: childText(error, 'Code'), message: childText(error, 'Message') ?? text.slice(0, 300) };
    } catch {
      return { code: undefined, message: text.slice(0, 300) };
    }
  }
  if (text.startsWith('{')) {
    try {
      const error: unknown = JSON.parse(text);
      if (typeof error === 'object' && error !== null && 'Code' in error && 'Message' in error) return { code: String(error.Code), message: String(error.Message) };
    } catch {
      // Not JSON after all: shown as it is.
    }
  }
  return { code: undefined, message: text.slice(0, 300) };
}

/** Words of their own for answers without a body (HEAD, a balancer in front). */
const STATUS_CODES: Readonly<Record<number, string>> = { 403: 'AccessDenied', 404: 'NotFound', 501: 'NotImplemented', 502: 'ServiceUnavailable', 503: 'ServiceUnavailable', 504: 'ServiceUnavailable' };

/** An answer that is no success. */
export function refusal(status: number, body: string): Trouble {
  const { code: told, message } = said(body);
  const code = told ?? STATUS_CODES[status];
  const kind: TroubleKind = code !== undefined && NOT_READY.has(code) ? 'silent' : 'refused';
  return { kind, code, msg: maskSecrets(`${code ?? `status ${String(status)}`}${message === '' ? '' : `: ${message}`}`), remedy: code === undefined ? undefined : REMEDIES[code] };
}

const TLS = /certificate|CERT_|ALTNAME|UNABLE_TO|self.signed|wrong version number|EPROTO|SSL routines/i;

/**
 * Any error of the tunnel or of TLS as a trouble.
 *
 * @param sent whether the request had been sent when it happened
 * @returns the error itself when it is about the host and not about the store
 */
export function troubleOf(error: unknown, sent: boolean, request: string): S3Trouble | Diagnostic {
  if (error instanceof S3Trouble) return error;
  if (error instanceof Diagnostic) {
    if (error.kind !== 'failed') return error;
    return new S3Trouble({ kind: error.code === 'forward-failed' ? 'silent' : 'refused', code: undefined, msg: error.message, remedy: error.remedy }, request, error);
  }
  const message = maskSecrets(error instanceof Error ? error.message : String(error));
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!sent && TLS.test(`${code} ${message}`)) {
    return new S3Trouble({ kind: 'refused', code: undefined, msg: `the store's certificate is not accepted: ${message}`, remedy: 'give the authority that signs it (ca_cert), and reach the store by a name that is in its certificate (endpoint_url)' }, request, error);
  }
  return new S3Trouble({ kind: sent ? 'lost' : 'silent', code: undefined, msg: message, remedy: undefined }, request, error);
}
