/** A watching client: makes numbered ConfigMaps at a fixed pace. One that fails is not tried again, the next number is. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { KubernetesClient } from '../../services/kubernetes/client.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import type { Secret } from '../../support/secret.ts';
import type { Recording } from '../record.ts';
import { Recorder } from '../recorder.ts';
import { isSilence, type Place } from './api.ts';

export const DRILL_NAMESPACE = 'care-drill';
const PATH = `/api/v1/namespaces/${DRILL_NAMESPACE}/configmaps`;
/** Seconds for one answer. */
export const PATIENCE_SECONDS = 3;
/** Between two questions who answers. */
const ASK_EVERY_MS = 1000;

export interface WriterOptions {
  /** Its name, and the first part of its ConfigMaps' names. */
  readonly client: string;
  /** Where it is from its next try on. */
  readonly place: () => Place;
  /** The drill's kubeconfig. */
  readonly login: Secret;
  readonly everyMs: number;
  /** Milliseconds since the watching began. */
  readonly now: () => number;
}

export interface Writer {
  recording(): Recording;
  /** `ADDRESS:PORT` of the API server at the other end, as it says itself; undefined: not known yet. */
  servedBy(): string | undefined;
  stop(): Promise<Recording>;
}

const Refused = z.looseObject({ reason: z.string().optional(), message: z.string().default('') });
const Versions = z.looseObject({ serverAddressByClientCIDRs: z.array(z.looseObject({ serverAddress: z.string() })).default([]) });

/** What a client makes for a number. */
export function configMapOf(client: string, sequence: number): unknown {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `${client}-${String(sequence)}` }, data: { n: String(sequence) } };
}

/** The client and the number of a ConfigMap that is as it was made; undefined: it is none of a drill's, or holds something else. */
export function numberOf(object: { readonly metadata: { readonly name: string }; readonly data?: Readonly<Record<string, string>> | undefined }): { readonly client: string; readonly sequence: number } | undefined {
  const match = /^(.+)-([1-9][0-9]*)$/.exec(object.metadata.name);
  return match?.[1] === undefined || object.data?.['n'] !== match[2] ? undefined : { client: match[1], sequence: Number(match[2]) };
}

class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

async function make(client: KubernetesClient, name: string, sequence: number): Promise<void> {
  const { status, body } = await client.request({ method: 'POST', path: PATH, body: configMapOf(name, sequence) }, AbortSignal.timeout(PATIENCE_SECONDS * 1000));
  if (status === 201) return;
  const refused = Refused.safeParse(body).data;
  throw new Refusal(refused?.reason ?? String(status), refused?.message ?? `the API answers ${String(status)}`);
}

/** Whether it may write there at all. Nothing is stored. @returns why not */
export async function refusalOf(place: Place, login: Secret): Promise<string | undefined> {
  const client = place.open(login);
  try {
    const { status, body } = await client.request({ method: 'POST', path: `${PATH}?dryRun=All`, body: configMapOf('try', 1) }, AbortSignal.timeout(PATIENCE_SECONDS * 1000));
    return status === 201 ? undefined : (Refused.safeParse(body).data?.message ?? `the API answers ${String(status)}`);
  } catch (error) {
    if (!isSilence(error)) throw error;
    return error.message;
  } finally {
    await client.close();
  }
}

export function startWriter({ client: name, place, login, everyMs, now }: WriterOptions): Writer {
  const recorder = new Recorder();
  const stopping = new AbortController();
  let open: { readonly place: Place; readonly client: KubernetesClient } | undefined;
  let served: string | undefined;
  let askedMs = -ASK_EVERY_MS;

  const clientAt = async (wanted: Place): Promise<KubernetesClient> => {
    if (open?.place !== wanted) {
      await open?.client.close();
      open = { place: wanted, client: wanted.open(login) };
    }
    return open.client;
  };
  /** A connection that broke is made anew. */
  const drop = async (): Promise<void> => {
    await open?.client.close();
    open = undefined;
    served = undefined;
    askedMs = -ASK_EVERY_MS;
  };
  const ask = async (client: KubernetesClient): Promise<void> => {
    askedMs = now();
    const { body } = await client.request({ method: 'GET', path: '/api' }, AbortSignal.timeout(PATIENCE_SECONDS * 1000));
    served = Versions.safeParse(body).data?.serverAddressByClientCIDRs[0]?.serverAddress;
  };
  const once = async (sequence: number): Promise<void> => {
    const at = place();
    const sentMs = now();
    try {
      const client = await clientAt(at);
      await make(client, name, sequence);
      recorder.acknowledged.push({ client: name, sequence, sentMs, atMs: now(), timeline: 0, server: at.label });
      if (now() - askedMs >= ASK_EVERY_MS) await ask(client);
    } catch (error) {
      if (!isSilence(error) && !(error instanceof Refusal)) throw error;
      recorder.fail({ client: name, atMs: now(), sequence, endpoint: at.label, code: error instanceof Refusal || error instanceof Diagnostic ? error.code : 'silent', message: error.message.split('\n')[0] ?? '' });
      if (!(error instanceof Refusal)) await drop();
    }
  };
  const running = (async () => {
    for (let sequence = 1; !stopping.signal.aborted; sequence += 1) {
      const began = now();
      await once(sequence);
      await sleep(Math.max(5, began + everyMs - now()));
    }
  })();
  // Whoever stops it hears of a defect; until then it must not end the process.
  running.catch(() => undefined);
  return {
    recording: () => recorder.recording,
    servedBy: () => served,
    async stop() {
      stopping.abort();
      await running;
      await drop();
      return recorder.recording;
    },
  };
}
