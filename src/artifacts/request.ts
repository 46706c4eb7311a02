/** One request for a file, with what must hold of every address on the way to it. */
import { isIP } from 'node:net';

/** An answer that trying again will not better. */
export class Final extends Error {
  override readonly name = 'Final';
}

/** Far more than any host of releases needs. */
const MOST_REDIRECTS = 10;

/** This machine itself: what is sent there leaves it not (RFC 6890; `localhost` as RFC 6761 has it). */
function isLoopback(url: URL): boolean {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * Why an address is not asked; undefined when it may be. Only https: plain http would tell everybody on the way what a
 * hospital runs, and let them choose what comes back. http to this machine itself is no way.
 *
 * @param from the address that sent us here; undefined: nobody did
 * @param plainHttp the user has asked for plain http in so many words
 */
export function refusal(url: URL, from: URL | undefined, plainHttp: boolean): string | undefined {
  if (url.protocol === 'https:') return undefined;
  if (url.protocol !== 'http:') return `cannot fetch ${url.protocol}`;
  if (from?.protocol === 'https:') return `${from.host} sends on to plain http (${url.host}), which is refused`;
  return plainHttp || isLoopback(url) ? undefined : 'plain http is refused: use https';
}

export interface RequestInit {
  readonly headers: Readonly<Record<string, string>>;
  readonly plainHttp: boolean;
  readonly signal: AbortSignal;
}

/**
 * Asks, and follows redirects: at most ten, each to an address that may be asked. Headers of the caller (tokens, maybe) go
 * to the first address's origin only.
 *
 * @throws Final when the way is refused
 */
export async function request(url: URL, init: RequestInit): Promise<Response> {
  let at = url;
  let from: URL | undefined;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops += 1) {
    const refused = refusal(at, from, init.plainHttp);
    if (refused !== undefined) throw new Final(refused);
    const own = at.origin === url.origin ? init.headers : onlyRange(init.headers);
    // A file is wanted as it is stored: no compression on the way, which would also break ranges.
    const answer = await fetch(at, { signal: init.signal, redirect: 'manual', headers: { 'user-agent': 'care-provision', 'accept-encoding': 'identity', ...own } });
    const location = answer.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer;
    await answer.body?.cancel();
    from = at;
    at = nextAddress(location, at);
  }
  throw new Final(`${url.host} sends on more than ${String(MOST_REDIRECTS)} times`);
}

function nextAddress(location: string, at: URL): URL {
  try {
    return new URL(location, at);
  } catch (error) {
    throw new Final(`${at.host} sends on to ${JSON.stringify(location)}, which is no address`, { cause: error });
  }
}

function onlyRange(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'range'));
}

/** Asked again, 408 and 429 may answer otherwise; other 4xx are about the request itself (RFC 9110 section 15.5). */
export function mayAskAgain(status: number): boolean {
  return status >= 500 || status === 408 || status === 429;
}
