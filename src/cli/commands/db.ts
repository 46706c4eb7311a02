/** `db`: a look at a PostgreSQL cluster, and operations on it that refuse when it is not fit for them. */
import { Command, Option } from 'commander';
import { integer } from '../options.ts';
import type { Session } from '../session.ts';
import { onCluster, type ClusterFlags } from './on-cluster.ts';

export type DbFlags = ClusterFlags;

export interface DbOperationFlags extends DbFlags {
  readonly yes?: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly candidate?: string;
  /** The cluster's name, written out. */
  readonly force?: string;
}

export interface DbRestoreFlags extends DbFlags {
  readonly to: string;
  /** The cluster's name, written out. */
  readonly confirm?: string;
  readonly host?: string;
}

export interface DbScaleFlags extends DbFlags {
  readonly act?: boolean;
  readonly playbook: readonly string[];
}

export function dbCommand(session: Session): Command {
  const command = new Command('db').description('look at a PostgreSQL cluster and operate it');
  const sub = (name: string, description: string): Command => onCluster(command, name, description);
  const operation = (name: string, description: string, seconds: number): Command =>
    sub(name, description)
      .option('-y, --yes', 'do not ask')
      .addOption(new Option('--timeout <seconds>', 'how long to wait for the result').argParser(integer(5, 86_400)).default(seconds));

  sub('status', 'show members, lag, backups, slots, transactions and certificates; exit status 3 when it is not healthy').action(async (inventory: string, flags: DbFlags) => {
    const { dbStatusAction } = await import('../actions/db-status.ts');
    session.status = await dbStatusAction(session.context, inventory, flags);
  });
  operation('switchover', 'hand the lead over to a replica; nothing is lost', 120)
    .option('--candidate <member>', 'the new leader; default: the replica that Patroni chooses')
    .action(async (inventory: string, flags: DbOperationFlags) => {
      const { switchoverAction } = await import('../actions/db.ts');
      session.status = await switchoverAction(session.context, inventory, flags);
    });
  operation('failover', 'make a member the leader of a cluster that has none', 120)
    .requiredOption('--candidate <member>', 'the new leader')
    .option('--force <cluster>', "the cluster's name: do it though rows may be lost, or a leader is there")
    .action(async (inventory: string, flags: DbOperationFlags & { readonly candidate: string }) => {
      const { failoverAction } = await import('../actions/db.ts');
      session.status = await failoverAction(session.context, inventory, flags.candidate, flags);
    });
  operation('reinit', "make a replica anew: its data is wiped and copied from another's", 3600)
    .argument('<member>', 'the replica')
    .action(async (inventory: string, member: string, flags: DbOperationFlags) => {
      const { reinitAction } = await import('../actions/db.ts');
      session.status = await reinitAction(session.context, inventory, member, flags);
    });
  operation('pause', 'Patroni stops to act by itself: no failover until resume', 60).action(async (inventory: string, flags: DbOperationFlags) => {
    const { pauseAction } = await import('../actions/db.ts');
    session.status = await pauseAction(session.context, inventory, true, flags);
  });
  operation('resume', 'Patroni acts by itself again', 60).action(async (inventory: string, flags: DbOperationFlags) => {
    const { pauseAction } = await import('../actions/db.ts');
    session.status = await pauseAction(session.context, inventory, false, flags);
  });
  sub('restore', 'take the whole cluster back to an earlier state from its backups (playbooks/postgres-restore.yml)')
    .requiredOption('--to <target>', 'latest, immediate, a time with its zone, an LSN, or the name of a restore point')
    .option('--confirm <cluster>', "the cluster's name; asked for on a terminal otherwise")
    .option('--host <member>', 'the member that is restored and leads afterwards')
    .action(async (inventory: string, flags: DbRestoreFlags) => {
      const { dbRestoreAction } = await import('../actions/db-restore.ts');
      session.status = await dbRestoreAction(session.context, inventory, flags);
    });
  sub('scale', 'decide by the inventory\'s policy whether the cluster needs another replica or one less, and show why; exit status 2 when it does')
    .option('--act', 'do it: change postgres_scaling.yml of the inventory and apply it')
    .option('--playbook <file>', 'with --act, what is applied; may be repeated; default: playbooks/site.yml', (file: string, all: readonly string[]) => [...all, file], [])
    .action(async (inventory: string, flags: DbScaleFlags) => {
      const { dbScaleAction } = await import('../actions/db-scale.ts');
      session.status = await dbScaleAction(session.context, inventory, flags);
    });
  return command;
}
