/** What drills of a MinIO store work with. */
import type { Store } from '../../operations/minio/store.ts';
import type { StoreView } from '../../operations/minio/view.ts';
import type { BaseScene, Drill, Injury } from '../drill.ts';
import type { Account, Admin } from './admin.ts';
import type { Place } from './places.ts';

/** The store of another site that buckets are copied to: group minio_copies. */
export interface OtherSite {
  readonly store: Store;
  readonly admin: Admin;
  readonly nodes: readonly Place[];
}

export interface MinioScene extends BaseScene {
  readonly store: Store;
  readonly admin: Admin;
  /** The healthy store before anything was broken. */
  readonly before: StoreView;
  /** Each node, directly. */
  readonly nodes: readonly Place[];
  /** Undefined: the inventory has none. */
  readonly other: OtherSite | undefined;
  /** The client goes elsewhere from its next try on, as when a name leads to another site. */
  readonly moveTo: (places: readonly Place[]) => void;
  /** What the drill's objects hold is made of. */
  readonly seed: string;
  /** Whose keys the client has now. */
  readonly account: () => Account;
  /** The client goes on with other keys, from its next request on. */
  readonly use: (account: Account) => void;
  /** The CA that signs the nodes' certificates, PEM. */
  readonly ca: string;
}

/** `touches`: nodes. */
export type MinioDrill = Drill<MinioScene, StoreView>;
export type MinioInjury = Injury<StoreView>;
