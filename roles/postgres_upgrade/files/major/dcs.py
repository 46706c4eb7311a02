#!/usr/bin/python3
"""What an upgrade does to a Patroni cluster's entry in the DCS while no Patroni runs. Uses Patroni's own client and configuration.

dcs.py CONFIG pause            nobody fails over (maintenance mode)
dcs.py CONFIG resume           the opposite
dcs.py CONFIG forget           the data is of another cluster now: its system identifier, who is in sync, who leads, how far the log
                               had come and the history of timelines are forgotten; the dynamic configuration stays. Ends maintenance mode too
dcs.py CONFIG ignore NAME DB   Patroni leaves the logical slot of that name alone, which it would drop otherwise
dcs.py CONFIG unignore NAME    not any more
"""
import json
import sys

from patroni.config import Config
from patroni.dcs import get_dcs


def fail(message):
    sys.stderr.write(message + '\n')
    sys.exit(1)


def change_config(dcs, cluster, change):
    """Changes the dynamic configuration unless somebody else has meanwhile (compare and set)."""
    if cluster.config is None:
        fail('the DCS holds no configuration of this cluster')
    data = dict(cluster.config.data)
    change(data)
    if data != cluster.config.data and not dcs.set_config_value(json.dumps(data, separators=(',', ':')), cluster.config.version):
        fail('the DCS refused the new configuration')


def set_paused(data, paused):
    data.pop('pause', None)
    if paused:
        data['pause'] = True


def set_ignored(data, name, database):
    ignored = [slot for slot in data.get('ignore_slots') or [] if slot.get('name') != name]
    if database is not None:
        ignored.append({'name': name, 'type': 'logical', 'database': database, 'plugin': 'pgoutput'})
    data.pop('ignore_slots', None)
    if ignored:
        data['ignore_slots'] = ignored


def forget(dcs, cluster):
    change_config(dcs, cluster, lambda data: set_paused(data, False))
    if cluster.leader:
        # The key of a leader that was stopped in maintenance mode; its lease would run out by itself.
        dcs.delete_leader(cluster.leader)
    if cluster.sync and not cluster.sync.is_empty and not dcs.delete_sync_state():
        fail('the DCS refused to forget who is in sync')
    if cluster.initialize and not dcs.cancel_initialization():
        fail('the DCS refused to forget the system identifier')
    # How far the other cluster's log had come: nobody would lead who seems to be behind that.
    dcs.write_status({'optime': 0})
    if cluster.history and not dcs.set_history_value('[]'):
        fail('the DCS refused to forget the history')


def main(argv):
    dcs = get_dcs(Config(argv[1], None))
    cluster = dcs.get_cluster()
    command = argv[2]
    if command == 'forget':
        forget(dcs, cluster)
    elif command in ('pause', 'resume'):
        change_config(dcs, cluster, lambda data: set_paused(data, command == 'pause'))
    elif command == 'ignore':
        change_config(dcs, cluster, lambda data: set_ignored(data, argv[3], argv[4]))
    elif command == 'unignore':
        change_config(dcs, cluster, lambda data: set_ignored(data, argv[3], None))
    else:
        fail(__doc__)


main(sys.argv)
