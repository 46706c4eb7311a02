/** Where clients of a drill find the store: straight over TCP, by address, with the certificate's name verified. */
import { connect, type Socket } from 'node:net';
import type { Store } from '../../operations/minio/store.ts';
import { S3Client } from '../../services/s3/client.ts';
import { failure } from '../../support/diagnostic.ts';
import type { Account } from './admin.ts';

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

/** A client of one place for one account. */
export function clientAt(store: Store, place: Place, account: Account, ca: string): S3Client {
  const streams = { forward: (): Promise<Socket> => dial(place), forwardSocket: (): Promise<never> => Promise.reject(failure('no-sockets', 'there are no sockets here')) };
  return new S3Client({ endpoint: `https://${store.serverName}:${String(place.port)}`, region: store.region, accessKey: account.name, secretKey: account.key, ca }, () => Promise.resolve(streams));
}
