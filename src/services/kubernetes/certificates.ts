/** Certificates that the cluster signs (kubernetes.io, "Certificates and Certificate Signing Requests"). */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { KubernetesClient } from './client.ts';
import { deleteObject, makeObject, patchObject, readObject, type Manifest, type Said } from './objects.ts';

const API = 'certificates.k8s.io/v1';
const Signed = z.looseObject({ status: z.looseObject({ certificate: z.string().optional(), conditions: z.array(z.looseObject({ type: z.string(), message: z.string().default('') })).default([]) }).prefault({}) });

export interface ClientCertificateWish {
  /** Name of the request's object. */
  readonly name: string;
  /** PKCS #10, PEM. */
  readonly request: string;
  readonly seconds: number;
}

const WAIT_SECONDS = 60;

function certain<T>(said: Said<T>, what: string): T {
  if (!said.ok) throw new Error(`${what}: ${said.msg}`);
  return said.value;
}

/**
 * Asks for a client certificate, approves the request, and waits until it is signed. The request's object does not stay.
 *
 * @returns the certificate, PEM
 * @throws Error when it is refused, or not signed within a minute; KubernetesSilent
 */
export async function clientCertificate(client: KubernetesClient, wish: ClientCertificateWish, signal: AbortSignal): Promise<string> {
  const object: Manifest = { apiVersion: API, kind: 'CertificateSigningRequest', metadata: { name: wish.name }, spec: { request: Buffer.from(wish.request).toString('base64'), signerName: 'kubernetes.io/kube-apiserver-client', expirationSeconds: wish.seconds, usages: ['client auth'] } };
  certain(await makeObject(client, object, signal), `request ${wish.name}`);
  try {
    const conditions = [{ type: 'Approved', status: 'True', reason: 'CareProvision', message: 'declared in the inventory' }];
    certain(await patchObject(client, object, { status: { conditions } }, signal, 'approval'), `approval of ${wish.name}`);
    const until = performance.now() + WAIT_SECONDS * 1000;
    for (;;) {
      const { status } = Signed.parse(certain(await readObject(client, object, signal), `request ${wish.name}`));
      if (status.certificate !== undefined) return Buffer.from(status.certificate, 'base64').toString('utf8');
      const broken = status.conditions.find((each) => each.type === 'Failed' || each.type === 'Denied');
      if (broken !== undefined) throw new Error(`request ${wish.name}: ${broken.type}: ${broken.message}`);
      if (performance.now() > until) throw new Error(`request ${wish.name} was not signed within ${String(WAIT_SECONDS)} s: does kube-controller-manager run?`);
      await sleep(500, undefined, { signal });
    }
  } finally {
    await deleteObject(client, object, signal);
  }
}
