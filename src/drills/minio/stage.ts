/** What is set up around one drill of a store: the drill's bucket and its client. */
import { randomBytes } from 'node:crypto';
import { fileOfFirst, type HostAccess } from '../../operations/hosts.ts';
import type { Store } from '../../operations/minio/store.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { childText, children, parseXml } from '../../services/s3/xml.ts';
import { Diagnostic, failure } from '../../support/diagnostic.ts';
import type { FoundRange } from '../measure.ts';
import type { Counted, PreparedStage, Stage } from '../service.ts';
import { DRILL_NAME, newAccount, type Account, type Admin } from './admin.ts';
import { bodyOf, objectPath } from './body.ts';
import { listingStatus, nodePlaces, proxyPlaces, type Place } from './places.ts';
import { startObjectWriter } from './writer.ts';

const CA_FILE = '/etc/minio/certs/CAs/ca.crt';
/** Objects that are looked at at once when all is over. */
const AT_ONCE = 8;

export interface PreparedObjects extends PreparedStage {
  readonly account: () => Account;
  readonly use: (account: Account) => void;
  /** The client goes elsewhere from its next try on, as when a name leads to another site. */
  readonly moveTo: (places: readonly Place[]) => void;
  /** What the objects' bodies are made of. */
  readonly seed: string;
  count(admin: Admin): Promise<Counted>;
}

/** The CA as a node has it. @throws Diagnostic */
export async function storeCa(store: Store, hosts: HostAccess): Promise<string> {
  return (await fileOfFirst(hosts, store.nodes, CA_FILE)).text;
}

interface Way {
  readonly places: readonly Place[];
  readonly description: string;
}

/** Why a place does not let the drill's user in; undefined when it does. */
async function refusalOf(store: Store, place: Place, user: Account, ca: string): Promise<string | undefined> {
  try {
    const status = await listingStatus(store, place, user, ca);
    return status === 200 ? undefined : `the store says ${String(status)}`;
  } catch (error) {
    if (error instanceof S3Trouble) return error.trouble.msg;
    throw error;
  }
}

/**
 * The balancers when at least one of them lets the drill's user in; else the nodes directly.
 *
 * @throws Diagnostic when neither does, with each one's reason
 */
async function chooseWay(store: Store, user: Account, ca: string): Promise<Way> {
  const reasons: string[] = [];
  for (const [places, words] of [[proxyPlaces(store), 'through the balancers,'], [nodePlaces(store), 'to the nodes directly,']] as const) {
    const refusals = await Promise.all(places.map((place) => refusalOf(store, place, user, ca)));
    if (refusals.includes(undefined)) return { places, description: `${words} ${places.map((p) => p.label).join(', ')} (in turn, TLS verified)` };
    reasons.push(...refusals.map((why, i) => `${places[i]?.label ?? ''}: ${why ?? ''}`));
  }
  throw failure('no-way-to-write', 'the drill’s client can reach neither a balancer nor a node', { detail: reasons.join('\n'), remedy: 'the client runs on this machine: add its network to minio_client_networks of the inventory and apply' });
}

/** Makes bucket, policy and user, and finds out where the client can write. @throws Diagnostic */
export async function prepareObjects(store: Store, admin: Admin, ca: string): Promise<PreparedObjects> {
  const seed = randomBytes(8).toString('hex');
  let account = newAccount(DRILL_NAME);
  await admin.make(account);
  const way = await chooseWay(store, account, ca);
  let { places } = way;
  return {
    way: way.description,
    account: () => account,
    use(next) { account = next; },
    moveTo(next) { places = next; },
    seed,
    count: (by) => countObjects(by, seed),
    begin(now): Stage {
      const writer = startObjectWriter({ store, ca, places: () => places, seed, account: () => account, now });
      const nothing = { acknowledged: [], errors: [], errorsNotKept: 0 };
      return {
        writer: () => writer.recording(),
        prober: () => nothing,
        async stop() {
          await writer.stop();
          return { writer: writer.recording(), prober: nothing, counts: writer.counts() };
        },
      };
    },
  };
}

/** The numbers of the objects that are listed. */
async function listed(admin: Admin): Promise<readonly number[]> {
  const found: number[] = [];
  for (let after = ''; ;) {
    const page = parseXml((await admin.send({ method: 'GET', path: `/${DRILL_NAME}`, query: { 'list-type': '2', prefix: 'writer/', ...(after === '' ? {} : { 'continuation-token': after }) } })).body.toString('utf8'));
    for (const each of children(page, 'Contents')) found.push(Number((childText(each, 'Key') ?? '').replace('writer/', '')));
    after = childText(page, 'NextContinuationToken') ?? '';
    if (after === '') return found;
  }
}

/** Every object that is there and holds what was written; each is read whole. A write that was cut off may be listed, and not be there. */
async function countObjects(admin: Admin, seed: string): Promise<Counted> {
  try {
    const numbers = await listed(admin);
    const found: FoundRange[] = [];
    for (let at = 0; at < numbers.length; at += AT_ONCE) {
      const bodies = await Promise.all(numbers.slice(at, at + AT_ONCE).map(async (sequence) => ({ sequence, body: await admin.object(objectPath(DRILL_NAME, sequence)) })));
      for (const { sequence, body } of bodies) if (body?.equals(bodyOf(seed, sequence)) === true) found.push({ client: 'writer', from: sequence, to: sequence });
    }
    return { found, why: undefined };
  } catch (error) {
    if (!(error instanceof Diagnostic)) throw error;
    return { found: undefined, why: error.format() };
  }
}
