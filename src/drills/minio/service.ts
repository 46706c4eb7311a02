/** A MinIO store as drills see it: its nodes and drives, and a client that writes objects. */
import { eachOnce, type ClusterHost } from '../../operations/inventory.ts';
import type { HostAccess } from '../../operations/hosts.ts';
import { GROUP, readStores, type Stores } from '../../operations/minio/store.ts';
import { troublesOf, type StoreView } from '../../operations/minio/view.ts';
import { failure } from '../../support/diagnostic.ts';
import { defineService, type Bench } from '../service.ts';
import { adminOf, DRILL_NAME } from './admin.ts';
import { driveWipe } from './drive-wipe.ts';
import { hostLoss } from './host-loss.ts';
import { keyRotation } from './key-rotation.ts';
import { lookAtStore, startMonitor } from './monitor.ts';
import { nodePlaces } from './places.ts';
import { poolAdd } from './pool-add.ts';
import type { MinioScene } from './scene.ts';
import { siteLoss } from './site-loss.ts';
import { prepareObjects, storeCa, type PreparedObjects } from './stage.ts';
import { upgrade } from './upgrade.ts';
import { MINIO_WORDS } from './words.ts';

async function open({ store, other }: Stores, hosts: HostAccess): Promise<Bench<MinioScene, StoreView>> {
  const ca = await storeCa(store, hosts);
  const admin = adminOf(store, hosts, ca);
  const elsewhere = other === undefined ? undefined : { store: other, admin: adminOf(other, hosts, await storeCa(other, hosts)), nodes: nodePlaces(other) };
  let prepared: PreparedObjects | undefined;
  const staged = (): PreparedObjects => {
    if (prepared === undefined) throw failure('no-stage', 'the drill has no stage yet');
    return prepared;
  };
  return {
    look: () => lookAtStore(store, admin, ca),
    trouble: (view) => troublesOf(view),
    further: () => Promise.resolve(undefined),
    mend: 'care-provision apply INVENTORY playbooks/minio.yml; a drive that is healed needs its time',
    introduce: (before) => `${String(store.nodes.length)} nodes, ${String(before.info?.drives.length ?? 0)} drives`,
    watch: (first, seen) => startMonitor(store, admin, ca, first, seen),
    async prepare() {
      prepared = await prepareObjects(store, admin, ca);
      return prepared;
    },
    scene: (base, before) => ({ ...base, store, admin, before, nodes: nodePlaces(store), ca, other: elsewhere, seed: staged().seed, account: () => staged().account(), use: (account) => { staged().use(account); }, moveTo: (places) => { staged().moveTo(places); } }),
    answering: (view) => (view.nodes.some((node) => node.live && node.writes) ? undefined : 'no node can write'),
    count: () => staged().count(admin),
    async clear() {
      // Copies are made in both ways by some drills: the other store's go first.
      await elsewhere?.admin.clear();
      await admin.clear();
    },
    clearByHand: `bucket, user and policy ${DRILL_NAME} of the store are the drill's: remove them (mc rb --force, mc admin user rm, mc admin policy rm)`,
    async close() {
      await Promise.all([admin.close(), elsewhere?.admin.close()]);
    },
  };
}

function everyHost({ store, other }: Stores): readonly ClusterHost[] {
  return eachOnce([...store.nodes, ...store.proxies, ...(other?.nodes ?? [])]);
}

export const minio = defineService<Stores, MinioScene, StoreView>({
  name: 'minio',
  words: MINIO_WORDS,
  drills: [keyRotation, driveWipe, hostLoss, siteLoss, upgrade, poolAdd],
  absent: `no-${GROUP}`,
  read: readStores,
  installation: (stores) => ({ name: stores.store.name, inventories: stores.store.inventories, hosts: everyHost(stores), powered: stores.store.nodes }),
  open,
});
