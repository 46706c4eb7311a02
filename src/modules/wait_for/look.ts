/** One look at a port or a path, as the host sees it. */
import type { Duplex } from 'node:stream';
import { RE2JS } from 're2js';
import type { ActionPort } from '../../host/plan.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';

/** What is read of a file or a connection to find the pattern in. */
const READ_LIMIT = 1024 * 1024;

export interface Seen {
  readonly there: boolean;
  /** Whether the pattern was found; true when none was asked for. */
  readonly matched: boolean;
  readonly detail: string;
}

export function compilePattern(source: string): RE2JS {
  return RE2JS.compile(source, RE2JS.MULTILINE);
}

async function within<T>(promise: Promise<T>, seconds: number, late: (value: T) => void): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      over = true;
      resolve(undefined);
    }, seconds * 1000);
  });
  // A connection that comes after we gave up must be closed all the same; its failure is of no interest then.
  promise.then(
    (value) => {
      if (over) late(value);
    },
    () => undefined,
  );
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads until the pattern is found, the other side ends, or the time is up. */
function readFor(stream: Duplex, pattern: RE2JS, seconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const done = (found: boolean): void => {
      clearTimeout(timer);
      resolve(found);
    };
    const timer = setTimeout(() => {
      done(false);
    }, seconds * 1000);
    stream.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString('utf8')).slice(-READ_LIMIT);
      if (pattern.matcher(text).find()) done(true);
    });
    stream.on('end', () => {
      done(false);
    });
    stream.on('close', () => {
      done(false);
    });
  });
}

export async function lookAtPort(port: ActionPort, host: string, number: number, pattern: RE2JS | undefined, connectSeconds: number): Promise<Seen> {
  let stream: Duplex | undefined;
  try {
    stream = await within(port.forward(host, number), connectSeconds, (late) => late.destroy());
  } catch (error) {
    // The connection to the host itself is lost: that is not a closed port.
    if (port.signal.aborted || (error instanceof Diagnostic && error.kind === 'unreachable')) throw error;
    return { there: false, matched: false, detail: error instanceof Error ? error.message : String(error) };
  }
  if (stream === undefined) return { there: false, matched: false, detail: `no answer within ${String(connectSeconds)} s` };
  // A peer that resets the connection after accepting it has been seen to be there.
  stream.on('error', () => undefined);
  try {
    if (pattern === undefined) return { there: true, matched: true, detail: 'open' };
    const matched = await readFor(stream, pattern, connectSeconds);
    return { there: true, matched, detail: matched ? 'found' : 'open, but what it sent does not match' };
  } finally {
    stream.destroy();
  }
}

export async function lookAtPath(port: ActionPort, path: string, pattern: RE2JS | undefined): Promise<Seen> {
  const outcome = await port.run(
    pattern === undefined ? sh`[ -e ${path} ] || [ -L ${path} ] || exit 3` : sh`[ -e ${path} ] || [ -L ${path} ] || exit 3\nif [ -f ${path} ]; then tail -c ${READ_LIMIT} -- ${path}; fi`,
    { timeoutSeconds: 60 },
  );
  if (outcome.status === 3) return { there: false, matched: false, detail: 'does not exist' };
  if (outcome.state !== 'done' || outcome.status !== 0) return { there: true, matched: false, detail: `cannot be read: ${outcome.stderr.toString('utf8').trim().slice(-300)}` };
  const matched = pattern === undefined || pattern.matcher(outcome.stdout.toString('utf8')).find();
  return { there: true, matched, detail: matched ? 'found' : 'exists, but the pattern is not found in it' };
}
