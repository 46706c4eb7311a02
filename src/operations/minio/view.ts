/** How a MinIO store is, as its nodes say. Pure. */
import { z } from 'zod';

export interface DriveView {
  /** The node's name in the store: `care-minio-1`. */
  readonly node: string;
  /** Where it is mounted. */
  readonly path: string;
  /** `ok`, or the store's word for what it is not. */
  readonly state: string;
  readonly healing: boolean;
  /** From 0. */
  readonly pool: number;
  /** Bytes. */
  readonly total: number;
}

/** By the admin API of a node. */
export interface StoreInfo {
  readonly drives: readonly DriveView[];
}

export interface NodeView {
  readonly name: string;
  readonly live: boolean;
  /** Whether it says that it could write. */
  readonly writes: boolean;
}

export interface StoreView {
  readonly nodes: readonly NodeView[];
  /** Undefined: nobody has answered yet. */
  readonly info: StoreInfo | undefined;
}

/** madmin-go, info-commands.go: InfoMessage. */
const Told = z.object({
  servers: z.array(
    z.object({
      endpoint: z.string(),
      drives: z.array(z.object({ path: z.string().default(''), endpoint: z.string().default(''), state: z.string().default('unknown'), healing: z.boolean().default(false), pool_index: z.number().default(0), totalspace: z.number().default(0) })).nullish(),
    }),
  ).nullish(),
});

/** @param body the answer of `info`. @throws Error when it makes no sense */
export function readInfo(body: string): StoreInfo {
  const { servers } = Told.parse(JSON.parse(body));
  return {
    drives: (servers ?? []).flatMap((server) => (server.drives ?? []).map((drive) => ({
      node: server.endpoint.replace(/:\d+$/, ''),
      // A drive that is not there is known by its endpoint alone.
      path: drive.path === '' ? (URL.parse(drive.endpoint)?.pathname ?? drive.endpoint) : drive.path,
      state: drive.state, healing: drive.healing, pool: drive.pool_index, total: drive.totalspace,
    }))),
  };
}

export function poolsOf(info: StoreInfo): number {
  return new Set(info.drives.map((d) => d.pool)).size;
}

/** What is wrong, a sentence each; empty when the store is as it should be. */
export function troublesOf(view: StoreView): readonly string[] {
  const nodes = view.nodes.flatMap((node) => (!node.live ? [`${node.name} does not answer`] : node.writes ? [] : [`${node.name} says that the store can't be written to`]));
  if (nodes.length > 0) return nodes;
  if (view.info === undefined) return ['no node tells of its drives'];
  if (view.info.drives.length === 0) return ['the store knows of no drives'];
  return view.info.drives.flatMap((drive) => (drive.state !== 'ok' ? [`${drive.path} of ${drive.node} is ${drive.state}`] : drive.healing ? [`${drive.path} of ${drive.node} is healed`] : []));
}
