/** Mail and webhooks against servers on loopback: a sink for SMTP with real TLS, and Node's HTTP server. */
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { NotifySchema, type Notify } from '../../../../src/cli/notify/config.ts';
import type { EarlierHosts } from '../../../../src/cli/notify/decide.ts';
import { notifier } from '../../../../src/cli/notify/reporter.ts';
import { signature } from '../../../../src/cli/notify/webhook.ts';
import { Secret } from '../../../../src/support/secret.ts';
import { siteCa } from '../../../support/site-ca.ts';
import { smtpSink, type SinkOptions, type SmtpSink } from '../../../support/smtp-sink.ts';
import { NONE, night, start, summary, type Night } from '../report/sample.ts';

const ca = siteCa();
const directory = mkdtempSync(path.join(tmpdir(), 'care-notify-'));
const caFile = path.join(directory, 'ca.pem');
writeFileSync(caFile, ca.ca);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function sink(options: SinkOptions): Promise<SmtpSink> {
  const one = await smtpSink({ tls: ca, ...options });
  closing.push(() => one.close());
  return one;
}

interface Told {
  readonly warnings: readonly string[];
  readonly failed: number;
}

/** Runs a night through the notifier. */
async function tell(config: unknown, run: Night = night(), earlier: readonly EarlierHosts[] = []): Promise<Told> {
  const warnings: string[] = [];
  const one = notifier({ warn: (message) => warnings.push(message), stop: new AbortController().signal, earlier: () => Promise.resolve(earlier), pauseSeconds: 0.01 });
  const notify: Notify = NotifySchema.parse(config);
  one.configure(notify);
  for (const [, event] of run.events) one.event(event);
  await one.close();
  return { warnings, failed: await one.failed };
}

const mail = (port: number, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> => ({ url: `smtp://localhost:${String(port)}`, from: 'care@example.org', to: ['ops@example.org', 'boss@example.org'], ca_file: caFile, timeout: 5, ...more });

describe('mail', () => {
  test('goes over verified STARTTLS, with a login, as text and HTML, to everybody', async () => {
    const server = await sink({ starttls: true, login: { user: 'care', password: 'pässword-1' } });
    expect(await tell({ mail: mail(server.port, { username: 'care', password: 'pässword-1' }) })).toEqual({ warnings: [], failed: 0 });
    expect(server.mails).toHaveLength(1);
    const [sent] = server.mails;
    expect(sent).toMatchObject({ from: 'care@example.org', to: ['ops@example.org', 'boss@example.org'], tls: true, user: 'care' });
    // Long headers are folded (RFC 5322, 2.2.3).
    expect(sent?.data.replaceAll(/\n[ \t]/g, ' ')).toMatch(/^Subject: \[care-provision\] inventory\/production: failed: 1 of 12 hosts failed/m);
    for (const part of ['Auto-Submitted: auto-generated', 'X-Care-Provision-Run: 20261126-020000-a1b2c3', 'multipart/alternative', 'text/plain', 'text/html']) expect(sent?.data).toContain(part);
    expect(sent?.data).not.toContain('multipart/mixed');
    // Nothing but the greeting and STARTTLS went in the clear.
    expect(server.commands.slice(0, 2).map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS']);
  });

  test('carries the page when it is asked to', async () => {
    const server = await sink({ starttls: true });
    await tell({ mail: mail(server.port, { attach_report: true }) });
    expect(server.mails[0]?.data).toMatch(/Content-Disposition: attachment;\s+filename=care-provision-20261126-020000-a1b2c3\.html/);
  });

  test('is not sent in the clear to a server that offers no STARTTLS, nor to one whose certificate nobody vouches for', async () => {
    const plain = await sink({ starttls: false });
    const refused = await tell({ mail: mail(plain.port) });
    expect(refused.failed).toBe(1);
    expect(refused.warnings[0]).toMatch(/not notified: the mail to ops@example\.org, boss@example\.org was not sent: .*STARTTLS/);
    expect(plain.commands.some((line) => line.startsWith('MAIL'))).toBe(false);
    const strange = await sink({ starttls: true, tls: siteCa() });
    expect((await tell({ mail: mail(strange.port) })).warnings[0]).toMatch(/certificate/);
    expect(strange.mails).toEqual([]);
    // One on the same host may be trusted with it.
    expect(await tell({ mail: mail(plain.port, { starttls: 'never' }) })).toEqual({ warnings: [], failed: 0 });
  });

  test('is tried again when the server is busy, and not when it says no', async () => {
    const busy = await sink({ starttls: true, mailAnswers: ['451 4.3.0 later', '421 4.3.2 later'] });
    expect(await tell({ mail: mail(busy.port) })).toEqual({ warnings: [], failed: 0 });
    expect(busy.commands.filter((line) => line.startsWith('MAIL'))).toHaveLength(3);
    const never = await sink({ starttls: true, mailAnswers: ['451 later', '451 later', '451 later', '451 later'] });
    expect((await tell({ mail: mail(never.port) })).failed).toBe(1);
    expect(never.commands.filter((line) => line.startsWith('MAIL'))).toHaveLength(3);
    const no = await sink({ starttls: true, mailAnswers: ['550 5.7.1 not from you'] });
    expect((await tell({ mail: mail(no.port) })).warnings[0]).toContain('not from you');
    expect(no.commands.filter((line) => line.startsWith('MAIL'))).toHaveLength(1);
    const wrong = await sink({ starttls: true, login: { user: 'care', password: 'right' } });
    const told = await tell({ mail: mail(wrong.port, { username: 'care', password: 'wr0ng-passw0rd' }) });
    expect(told.failed).toBe(1);
    expect(told.warnings[0]).not.toContain('wr0ng-passw0rd');
    expect(wrong.commands.filter((line) => line.startsWith('AUTH'))).toHaveLength(1);
  });

  test('that reaches only some is said', async () => {
    const server = await sink({ starttls: true, rcpt: (address) => (address.startsWith('boss') ? '550 5.1.1 no such user' : undefined) });
    const told = await tell({ mail: mail(server.port) });
    expect(told).toMatchObject({ failed: 1 });
    expect(told.warnings[0]).toContain('the server refused boss@example.org');
    expect(server.mails[0]?.to).toEqual(['ops@example.org']);
  });

  test('to a server that says nothing, or is not there, ends in bounded time', async () => {
    const silent = await sink({ silent: true });
    const began = performance.now();
    expect((await tell({ mail: mail(silent.port, { timeout: 1 }), tries: 2 })).failed).toBe(1);
    expect(performance.now() - began).toBeLessThan(8000);
    const gone = await sink({});
    await gone.close();
    expect((await tell({ mail: mail(gone.port), tries: 2 })).warnings[0]).toMatch(/ECONNREFUSED/);
  });
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function web(answer: Answer, tls = false): Promise<{ readonly url: string; readonly seen: { readonly headers: IncomingMessage['headers']; readonly body: string }[] }> {
  const seen: { headers: IncomingMessage['headers']; body: string }[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (text: string) => { body += text; });
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      answer(request, response, body);
    });
  };
  const server = tls ? createTlsServer({ key: ca.key, cert: ca.cert }, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => { server.closeAllConnections(); server.close(() => { resolve(); }); }));
  return { url: `http${tls ? 's' : ''}://localhost:${String((server.address() as AddressInfo).port)}/hooks/t0ken-of-the-hook`, seen };
}
const status = (code: number, headers: Readonly<Record<string, string>> = {}): Answer => (_request, response) => {
  response.writeHead(code, headers).end('says the server');
};

describe('a webhook', () => {
  test('gets the run as JSON over verified TLS, signed, with its headers', async () => {
    const server = await web(status(204), true);
    const key = Buffer.from('a key of thirty-two bytes, or so').toString('base64');
    expect(await tell({ webhook: { url: server.url, secret: `whsec_${key}`, headers: { Authorization: 'Bearer b3arer' }, ca_file: caFile } })).toEqual({ warnings: [], failed: 0 });
    const [got] = server.seen;
    expect(JSON.parse(got?.body ?? '')).toMatchObject({ type: 'care_provision.run', events: ['failed', 'unreachable', 'unknown', 'calendar', 'drifted'], status: 3 });
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json', authorization: 'Bearer b3arer', 'webhook-id': 'msg_20261126-020000-a1b2c3' });
    // Standard Webhooks 1.0: HMAC-SHA256 of id, timestamp and body.
    const signed = `${String(got?.headers['webhook-id'])}.${String(got?.headers['webhook-timestamp'])}.${got?.body ?? ''}`;
    expect(got?.headers['webhook-signature']).toBe(`v1,${createHmac('sha256', Buffer.from(key, 'base64')).update(signed).digest('base64')}`);
    expect(Math.abs(Number(got?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('signs as the example of the specification', () => {
    // standard-webhooks.md, "Signature scheme": the values of its libraries' tests.
    expect(signature(new Secret('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, '{"test": 2432232314}')).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('is tried again after a failure of the server with the same id, and not after a refusal; redirects are not followed', async () => {
    const answers = [503, 429, 200];
    const busy = await web((request, response, body) => { status(answers.shift() ?? 200)(request, response, body); });
    expect(await tell({ webhook: { url: busy.url } })).toEqual({ warnings: [], failed: 0 });
    expect(new Set(busy.seen.map((one) => one.headers['webhook-id'])).size).toBe(1);
    expect(busy.seen).toHaveLength(3);
    for (const code of [400, 404, 302]) {
      const server = await web(status(code, { location: busy.url }));
      const told = await tell({ webhook: [{ url: server.url }] });
      expect(told).toEqual({ failed: 1, warnings: [`not notified: a webhook was not told: localhost answered ${String(code)}: says the server`] });
      expect(server.seen).toHaveLength(1);
    }
    expect(busy.seen).toHaveLength(3);
  });

  test('that repeats its address in a refusal is said without it, whichever part is the token', async () => {
    const server = await web((request, response) => { response.writeHead(404).end(`Cannot POST ${request.url ?? ''}: no hook t0ken-of-the-hook for s3cret-key`); });
    const { warnings } = await tell({ webhook: { url: `${server.url}?key=s3cret-key` } });
    expect(warnings).toEqual(['not notified: a webhook was not told: localhost answered 404: Cannot POST ********: no hook ******** for ********']);
  });

  test('that does not answer, is not there, or has a strange certificate is said without its address', async () => {
    const silent = await web(() => undefined);
    expect(await tell({ webhook: { url: silent.url, timeout: 1 }, tries: 2 })).toEqual({ failed: 1, warnings: ['not notified: a webhook was not told: localhost did not answer within 1 s'] });
    const strange = await web(status(200), true);
    const told = await tell({ webhook: [{ url: strange.url, timeout: 2 }, { url: 'http://localhost:1/t0ken-of-the-hook' }], tries: 1 });
    expect(told.failed).toBe(2);
    expect(told.warnings.join('\n')).toMatch(/certificate/);
    expect(told.warnings.join('\n')).not.toContain('t0ken');
    expect(strange.seen).toEqual([]);
  });
});

describe('only when there is something to say', () => {
  const quiet: Night = { events: [[0, start('check', ['a'])], [1, summary(0, { a: { ok: 2 } })]] };

  test('a quiet night is told to nobody', async () => {
    const server = await web(status(200));
    expect(await tell({ webhook: { url: server.url } }, quiet)).toEqual({ warnings: [], failed: 0 });
    expect(server.seen).toEqual([]);
  });

  test('that a host is well again is', async () => {
    const server = await web(status(200));
    await tell({ webhook: { url: server.url } }, quiet, [{ a: { ...NONE, failed: 1 } }]);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toMatchObject({ events: ['recovered'], hosts: { recovered: ['a'] } });
  });

  test('and only of what the inventory wants to hear', async () => {
    const server = await web(status(200));
    await tell({ webhook: { url: server.url }, events: ['recovered', 'changed'] });
    expect(server.seen).toEqual([]);
  });
});
