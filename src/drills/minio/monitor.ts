/** Looks at the store as long as a drill lasts: each node in a loop of its own, and what any of them says of all drives. */
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Store } from '../../operations/minio/store.ts';
import type { NodeView, StoreInfo, StoreView } from '../../operations/minio/view.ts';
import { S3Trouble } from '../../services/s3/trouble.ts';
import { Diagnostic } from '../../support/diagnostic.ts';
import { monitorOf } from '../monitoring.ts';
import type { Change, Monitor } from '../service.ts';
import type { Admin } from './admin.ts';
import { nodePlaces, type Place } from './places.ts';

/** Milliseconds between two questions, and until one is given up. */
const EVERY_MS = 500;
const PATIENCE_MS = 2000;

/** Whether a path of a node's health answers 200; nobody needs an account for that. */
function healthy(store: Store, place: Place, ca: string, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request({ host: place.address, port: place.port, path, servername: store.serverName, ca, agent: false, timeout: PATIENCE_MS, minVersion: 'TLSv1.2' }, (response) => {
      response.resume();
      response.on('end', () => { resolve(response.statusCode === 200); });
      response.on('error', () => { resolve(false); });
    });
    const late = setTimeout(() => { sent.destroy(); }, PATIENCE_MS);
    sent.on('close', () => { clearTimeout(late); resolve(false); });
    sent.on('error', () => { resolve(false); });
    sent.end();
  });
}

async function lookAtNode(store: Store, name: string, place: Place, ca: string): Promise<NodeView> {
  const [live, writes] = await Promise.all([healthy(store, place, ca, '/minio/health/live'), healthy(store, place, ca, '/minio/health/cluster')]);
  return { name, live, writes };
}

async function infoOf(admin: Admin): Promise<StoreInfo | undefined> {
  try {
    return await admin.info();
  } catch (error) {
    if (error instanceof Diagnostic || error instanceof S3Trouble) return undefined;
    throw error;
  }
}

/** One look, of everything at once. */
export async function lookAtStore(store: Store, admin: Admin, ca: string): Promise<StoreView> {
  const places = nodePlaces(store);
  const [nodes, info] = await Promise.all([Promise.all(store.nodes.map((node, i) => lookAtNode(store, node.name, places[i] ?? { label: node.name, address: node.address, port: store.port }, ca))), infoOf(admin)]);
  return { nodes, info };
}

/** What is different, for the timeline of a report. */
export function changesBetween(before: StoreView, after: StoreView): readonly Change[] {
  const changes: Change[] = [];
  const add = (what: string): void => { changes.push({ kind: 'seen', what }); };
  for (const node of after.nodes) {
    const was = before.nodes.find((n) => n.name === node.name);
    if (was === undefined) continue;
    if (was.live !== node.live) add(node.live ? `${node.name} answers` : `${node.name} does not answer`);
    else if (node.live && was.writes !== node.writes) add(node.writes ? `${node.name}: the store can be written to` : `${node.name}: the store can't be written to`);
  }
  const word = (info: StoreInfo): string => {
    const bad = info.drives.filter((d) => d.state !== 'ok').length;
    const healing = info.drives.filter((d) => d.state === 'ok' && d.healing).length;
    return `${String(info.drives.length - bad)} of ${String(info.drives.length)} drives are up${healing > 0 ? `, ${String(healing)} of them are healed` : ''}`;
  };
  if (before.info !== undefined && after.info !== undefined && word(before.info) !== word(after.info)) add(word(after.info));
  return changes;
}

/** @param seen is told each change, a sentence each */
export function startMonitor(store: Store, admin: Admin, ca: string, first: StoreView, seen: (change: Change) => void): Monitor<StoreView> {
  let view = first;
  const stopping = new AbortController();
  const update = (next: StoreView): void => {
    for (const change of changesBetween(view, next)) seen(change);
    view = next;
  };
  const places = nodePlaces(store);
  const loops = store.nodes.map(async (node, i) => {
    const place = places[i];
    while (place !== undefined && !stopping.signal.aborted) {
      const now = await lookAtNode(store, node.name, place, ca);
      update({ ...view, nodes: view.nodes.map((n) => (n.name === node.name ? now : n)) });
      await sleep(EVERY_MS);
    }
  });
  loops.push((async () => {
    while (!stopping.signal.aborted) {
      const info = await infoOf(admin);
      if (info !== undefined) update({ ...view, info });
      await sleep(EVERY_MS);
    }
  })());
  return monitorOf(() => view, Promise.all(loops), stopping);
}
