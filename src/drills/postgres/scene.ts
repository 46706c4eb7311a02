/** What drills of a PostgreSQL cluster work with. */
import type { ClusterHost } from '../../operations/inventory.ts';
import type { Cluster } from '../../operations/postgres/cluster.ts';
import type { Observer } from '../../operations/postgres/observe.ts';
import type { AdminSql } from '../../operations/postgres/sql.ts';
import type { ClusterView } from '../../operations/postgres/view.ts';
import type { BaseScene, Drill, Injury } from '../drill.ts';
import type { FoundReadPort } from './watch/reader.ts';

export interface PostgresScene extends BaseScene {
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly sql: AdminSql;
  /** The healthy cluster before anything was broken. */
  readonly before: ClusterView;
  readonly leader: ClusterHost;
  readonly replicas: readonly ClusterHost[];
  /** The read endpoint as a client sees it, or why no proxy lets us in. */
  readonly readers: FoundReadPort;
}

/** `touches`: members, etcd, backups. */
export type PostgresDrill = Drill<PostgresScene, ClusterView>;
export type PostgresInjury = Injury<ClusterView>;
