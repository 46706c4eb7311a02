/** Clients of services on one host: each is made on first use, kept, and ends with the connection to the host. */
import type { Duplex } from 'node:stream';

/** Where streams to a service come from: the connection to its host. */
export interface Streams {
  forward(host: string, port: number): Promise<Duplex>;
  forwardSocket(path: string): Promise<Duplex>;
}

export interface ServiceClient {
  /** Ends it. Never throws. */
  close(): Promise<void>;
}

/** A kind of service: how a client for a login is made. Making one opens nothing yet. */
export interface Service<Login, Client extends ServiceClient> {
  readonly name: string;
  /** Equal for logins that may share a client. */
  id(login: Login): string;
  make(login: Login, streams: () => Promise<Streams>): Client;
}

export class ClientPool {
  readonly #streams: () => Promise<Streams>;
  readonly #clients = new Map<Service<never, ServiceClient>, Map<string, ServiceClient>>();

  /** @param streams the host's connection, which may be another one after a reboot */
  constructor(streams: () => Promise<Streams>) {
    this.#streams = streams;
  }

  /** The client for a login. */
  get<Login, Client extends ServiceClient>(service: Service<Login, Client>, login: Login): Client {
    const made = this.#clients.get(service) ?? new Map<string, ServiceClient>();
    this.#clients.set(service, made);
    const id = service.id(login);
    // Sound: under a service stand only clients that it has made itself.
    const known = made.get(id) as Client | undefined;
    if (known !== undefined) return known;
    const client = service.make(login, this.#streams);
    made.set(id, client);
    return client;
  }

  /** Ends all clients; the next use makes new ones. Never throws. */
  async close(): Promise<void> {
    const all = [...this.#clients.values()].flatMap((made) => [...made.values()]);
    this.#clients.clear();
    await Promise.all(all.map((client) => client.close()));
  }
}
