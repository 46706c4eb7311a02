/** Where clients of a drill find the store: straight over TCP, by address, with the certificate's name verified. */
import { connect, type Socket } from 'node:net';
import type { Store } from '../../operations/minio/store.ts';
import { S3Client } from '../../services/s3/client.ts';
import { DRILL_NAME, type Account } from './admin.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';

export interface Place {
  /** For reports: the host, with its port. */
  readonly label: string;
  readonly address: string;
  readonly port: number;
}

/** Milliseconds until a host that says nothing is given up. */
const CONNECT_MS = 1500;

export function nodePlaces(store: Store): readonly Place[] {
  return store.nodes.map((node) => ({ label: `${node.name}:${String(store.port)}`, address: node.address, port: store.port }));
}

export function proxyPlaces(store: Store): readonly Place[] {
  return store.proxies.map((proxy) => ({ label: `${proxy.name}:${String(store.proxyPort)}`, address: proxy.address, port: store.proxyPort }));
}

function dial(place: Place): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: place.address, port: place.port, noDelay: true });
    const late = setTimeout(() => { socket.destroy(new Error(`no connection to ${place.label} within ${String(CONNECT_MS)} ms`)); }, CONNECT_MS);
    socket.once('error', (error) => { clearTimeout(late); reject(error); });
    socket.once('connect', () => { clearTimeout(late); resolve(socket); });
  });
}

/** The status that a place answers with when an account lists the drill's bucket. @throws S3Trouble when it does not answer */
export async function listingStatus(store: Store, place: Place, account: Account, ca: string): Promise<number> {
  const client = clientAt(store, place, account, ca);
  try {
    return (await client.send({ method: 'GET', path: `/${DRILL_NAME}`, query: { 'list-type': '2', 'max-keys': '1' } }, { timeoutSeconds: 5, signal: uninterrupted() })).status;
  } finally {
    await client.close();
  }
}

/** A client of one place for one account. */
export function clientAt(store: Store, place: Place, account: Account, ca: string): S3Client {
  return new S3Client({ endpoint: `https://${store.serverName}:${String(place.port)}`, region: store.region, accessKey: account.name, secretKey: account.key, ca }, () => Promise.resolve({ forward: () => dial(place) }));
}
