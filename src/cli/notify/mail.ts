/** Sends the digest as a mail. nodemailer is loaded here, when there is one to send. */
import { runHtml } from '../report/html.ts';
import { attempt, Permanent } from './attempt.ts';
import type { MailConfig } from './config.ts';
import { digestHtml, digestText, subject, type Message } from './digest.ts';
import { trusted } from './trust.ts';

export interface SendOptions {
  readonly tries: number;
  readonly stop: AbortSignal;
  /** Before the second try, doubled for each further one. */
  readonly pauseSeconds?: number;
}

/** Codes of nodemailer (its documentation, "Error handling") after which another try makes no sense. */
const HOPELESS = new Set(['EAUTH', 'ENOAUTH', 'EOAUTH2', 'EENVELOPE', 'EMESSAGE', 'ETLS', 'EREQUIRETLS', 'ECONFIG']);

/** RFC 5321, 4.2.1: 4yz may pass, 5yz will not. An answer of 4yz counts more than what nodemailer calls the step it came at. */
export function hopeless(error: unknown): boolean {
  const { code, responseCode } = error as { readonly code?: unknown; readonly responseCode?: unknown };
  if (typeof responseCode === 'number') return responseCode >= 500;
  return typeof code === 'string' && HOPELESS.has(code);
}

/** @throws Error when the server did not take it for everybody */
export async function sendMail(config: MailConfig, message: Message, options: SendOptions): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const url = new URL(config.url);
  const secure = url.protocol === 'smtps:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const ms = config.timeout * 1000;
  const transport = createTransport({
    host,
    port: url.port === '' ? (secure ? 465 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && config.starttls === 'required',
    ignoreTLS: !secure && config.starttls === 'never',
    ...(config.username === undefined || config.password === undefined ? {} : { auth: { user: config.username, pass: config.password.reveal() } }),
    tls: { ca: trusted(config.ca_file), minVersion: 'TLSv1.2' },
    dnsTimeout: ms, connectionTimeout: ms, greetingTimeout: ms, socketTimeout: ms,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const { report } = message;
  const mail = {
    from: config.from,
    to: [...config.to],
    subject: subject(message),
    text: digestText(message),
    html: digestHtml(message),
    // RFC 3834: so that nobody's absence note answers.
    headers: { 'Auto-Submitted': 'auto-generated', ...(report.run === '' ? {} : { 'X-Care-Provision-Run': report.run }) },
    ...(config.attach_report ? { attachments: [{ filename: `care-provision-${report.run === '' ? 'run' : report.run}.html`, content: runHtml(report, message.now), contentType: 'text/html; charset=utf-8' }] } : {}),
  };
  try {
    await attempt(options.tries, options.stop, async () => {
      try {
        const { rejected } = await transport.sendMail(mail);
        if (rejected.length > 0) throw new Permanent(`the server refused ${rejected.join(', ')}`);
      } catch (error) {
        if (error instanceof Permanent || !hopeless(error)) throw error;
        throw new Permanent(error instanceof Error ? error.message : String(error), { cause: error });
      }
    }, options.pauseSeconds);
  } finally {
    transport.close();
  }
}
