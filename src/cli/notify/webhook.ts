/** Sends the digest to a webhook, signed as Standard Webhooks 1.0 has it (standardwebhooks.com: id, timestamp and body, HMAC-SHA256). */
import { createHmac, randomUUID } from 'node:crypto';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { MASK, type Secret } from '../../support/secret.ts';
import { packageVersion } from '../../support/package-root.ts';
import { attempt, Permanent } from './attempt.ts';
import type { WebhookConfig } from './config.ts';
import { digestJson, type Message } from './digest.ts';
import type { SendOptions } from './mail.ts';
import { trusted } from './trust.ts';

/** Bytes of an answer that are read, for the message about a refusal. */
const ANSWER_BYTES = 2000;

/** The value of `webhook-signature`. @param timestamp seconds since 1970 */
export function signature(secret: Secret, id: string, timestamp: number, body: string): string {
  const text = secret.reveal();
  const key = text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text, 'utf8');
  return `v1,${createHmac('sha256', key).update(`${id}.${String(timestamp)}.${body}`).digest('base64')}`;
}

/** 408 and 429 ask for another try (RFC 9110, 15.5.9; RFC 6585, 4), and servers fail for a moment; the rest stays as it is. */
function passing(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}

/** Parts of an address shorter than this are words such as `hooks` and `v1`, no tokens. */
const SHORTEST_TOKEN = 6;

/** The address may be a secret, and any part of it a token. It stands in Node's messages, and servers like to repeat what they have not found. */
export function withoutAddress(text: string, address: string): string {
  const url = new URL(address);
  const whole = [address, url.href, `${url.pathname}${url.search}`, url.pathname].filter((part) => part.length > 1);
  const parts = [url.username, url.password, url.hash.slice(1), ...url.pathname.split('/'), ...url.searchParams.values()].filter((part) => part.length >= SHORTEST_TOKEN);
  const decoded = parts.flatMap((part) => { try { return [decodeURIComponent(part)]; } catch { return []; } });
  return [...new Set([...whole, ...parts, ...decoded])].sort((a, b) => b.length - a.length).reduce((left, part) => left.replaceAll(part, MASK), text);
}

/** One POST. Redirects are not followed: a secret must not go where nobody has said. @throws Error, Permanent */
function post(config: WebhookConfig, headers: Readonly<Record<string, string>>, body: string): Promise<void> {
  const url = new URL(config.url.reveal());
  const ms = config.timeout * 1000;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      const words = withoutAddress(error.message, config.url.reveal());
      reject(error instanceof Permanent ? new Permanent(words) : new Error(words));
    };
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const sent = request(url, { method: 'POST', headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) }, signal: AbortSignal.timeout(ms), ...(url.protocol === 'https:' ? { ca: trusted(config.ca_file), minVersion: 'TLSv1.2' as const } : {}) }, (response) => {
      const status = response.statusCode ?? 0;
      let answer = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (answer.length < ANSWER_BYTES) answer += text.slice(0, ANSWER_BYTES - answer.length);
      });
      response.on('error', fail);
      response.on('end', () => {
        if (status >= 200 && status < 300) resolve();
        else {
          const words = `${url.hostname} answered ${String(status)}${answer.trim() === '' ? '' : `: ${answer.trim().split('\n')[0]?.slice(0, 200) ?? ''}`}`;
          fail(passing(status) ? new Error(words) : new Permanent(words));
        }
      });
    });
    sent.on('error', (error) => {
      fail(error.name === 'AbortError' || error.name === 'TimeoutError' ? new Error(`${url.hostname} did not answer within ${String(config.timeout)} s`, { cause: error }) : error);
    });
    sent.end(body);
  });
}

/** @param now milliseconds since 1970, for the signature @throws Error when it was not taken */
export async function sendWebhook(config: WebhookConfig, message: Message, options: SendOptions, now: () => number = Date.now): Promise<void> {
  const body = JSON.stringify(digestJson(message));
  // The same for every try, so that the other side can tell a repetition.
  const id = `msg_${message.report.run === '' ? randomUUID() : message.report.run}`;
  const own = Object.fromEntries(Object.entries(config.headers).map(([name, value]) => [name.toLowerCase(), value.reveal()]));
  await attempt(options.tries, options.stop, () => {
    const timestamp = Math.floor(now() / 1000);
    const signed = config.secret === undefined ? {} : { 'webhook-signature': signature(config.secret, id, timestamp, body) };
    return post(config, { 'content-type': 'application/json', 'user-agent': `care-provision/${packageVersion()}`, 'webhook-id': id, 'webhook-timestamp': String(timestamp), ...signed, ...own }, body);
  }, options.pauseSeconds);
}
