import { action, type ActionPort, type ActionResult } from '../../host/plan.ts';
import type { HostView } from '../../host/view.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { maskSecrets, revealed, Secret } from '../../support/secret.ts';
import type { Value } from '../../support/value.ts';
import { defineModule } from '../define.ts';
import { bodyOf } from './body.ts';
import { send, type HttpResponse, type TlsOptions } from './request.ts';
import { UriSchema, type UriArguments } from './schema.ts';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MOST_REDIRECTS = 10;

/** PEM text, or the text of a file on the controller. */
function pem(value: string | Secret | undefined, host: HostView): string | undefined {
  if (value === undefined) return undefined;
  const text = revealed(value);
  return text.includes('-----BEGIN ') ? text : host.localFile(text).bytes().toString('utf8');
}

function headersOf(args: UriArguments, type: string | undefined): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'care-provision', accept: '*/*' };
  if (type !== undefined) headers['content-type'] = type;
  if (args.url_username !== undefined) {
    headers['authorization'] = `Basic ${Buffer.from(`${args.url_username}:${revealed(args.url_password ?? '')}`, 'utf8').toString('base64')}`;
  }
  for (const [name, value] of Object.entries(args.headers)) headers[name.toLowerCase()] = revealed(value);
  return headers;
}

/** Headers such as X-Vault-Token: what is secret is for the server that it was given for. */
function secretHeaders(args: UriArguments): readonly string[] {
  return Object.entries(args.headers).flatMap(([name, value]) => (value instanceof Secret ? [name.toLowerCase()] : []));
}

interface Answer {
  readonly response: HttpResponse;
  readonly url: string;
  readonly redirected: boolean;
}

async function follow(args: UriArguments, tls: TlsOptions, port: ActionPort, signal: AbortSignal): Promise<Answer> {
  // Sound: arguments are rendered values; the schema passes the body through.
  let body = args.body === undefined || args.body === null ? undefined : bodyOf(args.body as Value, args.body_format);
  const headers = headersOf(args, body?.type);
  let url = new URL(args.url);
  let method = args.method;
  for (let redirects = 0; ; redirects += 1) {
    const response = await send({ url, method, headers, body: body?.bytes, tls, open: (host, number) => port.forward(host, number), signal });
    const location = response.headers.location;
    const may = args.follow_redirects === 'all' || (args.follow_redirects === 'safe' && (method === 'GET' || method === 'HEAD'));
    if (!REDIRECTS.has(response.status) || location === undefined || !may) return { response, url: url.href, redirected: redirects > 0 };
    if (redirects >= MOST_REDIRECTS) throw new Error(`more than ${String(MOST_REDIRECTS)} redirects`);
    const next = new URL(location, url);
    if (next.protocol !== 'http:' && next.protocol !== 'https:') throw new Error(`redirected to ${next.protocol}`);
    if (url.protocol === 'https:' && next.protocol === 'http:') throw new Error('redirected from https to http');
    // Credentials are for the server that they were given for.
    if (next.host !== url.host) for (const name of ['authorization', 'cookie', ...secretHeaders(args)]) Reflect.deleteProperty(headers, name);
    // RFC 9110 section 15.4: 303 turns into GET; 301 and 302 do so for POST in practice; 307 and 308 keep the method.
    if (response.status === 303 || ((response.status === 301 || response.status === 302) && method === 'POST')) {
      method = method === 'HEAD' ? 'HEAD' : 'GET';
      body = undefined;
      Reflect.deleteProperty(headers, 'content-type');
    }
    url = next;
  }
}

function resultOf(args: UriArguments, mutates: boolean, answer: Answer, seconds: number): ActionResult {
  const { response } = answer;
  const text = response.body.toString('utf8');
  const isJson = /[/+]json\b/.test(response.headers['content-type'] ?? '');
  const values: Record<string, Value> = {
    status: response.status,
    url: answer.url,
    redirected: answer.redirected,
    elapsed: Math.round(seconds),
    headers: Object.fromEntries(Object.entries(response.headers).flatMap(([k, v]) => (v === undefined ? [] : [[k, Array.isArray(v) ? v.join(', ') : v]]))),
  };
  if (isJson) {
    try {
      values['json'] = JSON.parse(text) as Value;
    } catch {
      // A server that says JSON and sends something else: `content` shows what.
      values['content'] = text;
    }
  }
  const right = args.status_code.includes(response.status);
  if (args.return_content || !right) values['content'] = text;
  if (right) return { changed: mutates, values };
  const msg = `${args.method} ${args.url} answered ${String(response.status)} ${response.reason}, not ${args.status_code.join(' or ')}${text === '' ? '' : `: ${maskSecrets(text).slice(0, 500)}`}`;
  return { changed: false, failed: true, msg, values };
}

export const uri = defineModule({
  name: 'uri',
  summary: 'Send an HTTP request from the host',
  description: `The request travels through the SSH connection and is made from the host's place in the network, so private addresses work and
the host needs no HTTP client. GET, HEAD and OPTIONS only read and run in check mode too; other methods are predicted as
a change there (\`check_mode: false\` on the task sends them even then). JSON answers are registered as \`json\`.`,
  args: UriSchema,
  secretArgs: ['url_password', 'client_key'],
  examples: [
    { title: 'Is it healthy?', yaml: 'uri:\n  url: http://127.0.0.1:8080/healthz\nregister: health\nuntil: health.status == 200\nretries: 10\ndelay: 3\n' },
    { title: 'TLS with the site\'s own CA', yaml: 'uri:\n  url: https://api.example.org/version\n  ca_path: "{{ pki_ca_certificate }}"\n  return_content: true\n' },
    { title: 'Make something', yaml: 'uri:\n  url: http://127.0.0.1:3000/api/org\n  method: POST\n  body_format: json\n  body: { name: care }\n  url_username: admin\n  url_password: "{{ grafana_password }}"\n  status_code: [200, 409]\n' },
  ],
  returns: {
    status: 'HTTP status',
    json: 'the body, when it is JSON',
    content: 'the body as text, with return_content or when the status was not right',
    headers: 'response headers, names in lower case',
    url: 'the address that answered',
    redirected: 'whether it was redirected',
    elapsed: 'seconds',
  },
  plan(args, host) {
    const tls: TlsOptions = { verify: args.validate_certs, ca: pem(args.ca_path, host), cert: pem(args.client_cert, host), key: pem(args.client_key, host) };
    const mutates = !READING.has(args.method);
    return action({
      resource: `${args.method} ${args.url}`,
      what: 'send',
      mutates,
      // What a server does with a request that is not for reading is its own affair: it may write files of the host.
      ...(mutates ? {} : { effects: [] }),
      timeoutSeconds: args.timeout + 30,
      perform: {
        type: 'conversation',
        async converse(port): Promise<ActionResult> {
          const from = performance.now();
          const signal = AbortSignal.any([port.signal, AbortSignal.timeout(args.timeout * 1000)]);
          try {
            const answer = await follow(args, tls, port, signal);
            return resultOf(args, mutates, answer, (performance.now() - from) / 1000);
          } catch (error) {
            if (port.signal.aborted || (error instanceof Diagnostic && error.kind === 'unreachable')) throw error;
            const why = signal.aborted ? `no answer within ${String(args.timeout)} s` : error instanceof Error ? error.message : String(error);
            return { changed: false, failed: true, msg: `${args.method} ${args.url}: ${why}`, values: { status: -1, url: args.url } };
          }
        },
      },
    });
  },
});
