/** The file of the audit log can't be written at the leader. */
import { failure } from '../../support/diagnostic.ts';
import { sh, type Script } from '../../support/shell.ts';
import { DEAD_MAN_SECONDS, deadMan } from '../dead-man.ts';
import type { VaultDrill } from './scene.ts';

const LOG = 'audit.log';
const KEPT = 'audit.log.care-drill';
const HOLD_SECONDS = 8;

/** What a broken disk does: the file can't be opened anew. A folder stands in its place. */
function block(directory: string): Script {
  return sh`set -e
[ -f ${directory}/${LOG} ] && [ ! -e ${directory}/${KEPT} ]
mv ${directory}/${LOG} ${directory}/${KEPT}
mkdir ${directory}/${LOG}
systemctl reload care-vault.service`;
}

/** Safe at every point, and when nothing was done. */
function unblock(directory: string): Script {
  return sh`set -e
if [ -d ${directory}/${LOG} ]; then rmdir ${directory}/${LOG}; fi
if [ -e ${directory}/${KEPT} ]; then
  [ ! -e ${directory}/${LOG} ] || cat ${directory}/${LOG} >>${directory}/${KEPT}
  mv -f ${directory}/${KEPT} ${directory}/${LOG}
fi
systemctl reload care-vault.service`;
}

export const auditDeviceBlocked: VaultDrill = {
  service: 'vault',
  name: 'vault-audit-device-blocked',
  summary: "the file of the leader's audit log can't be written",
  proves: 'With the second device, the journal, requests are served all the same, and every one of them is taken down there. That nothing is served when no device is left is not tried here: it would stop the journal of the host.',
  target: { gapMs: 10_000, backMs: 15_000, source: 'R12: served if one of two audit devices is blocked; the time leaves room for the reload on a busy host' },
  touches: ['members'],
  async begin(scene) {
    const { hosts, leader, cluster } = scene;
    const directory = cluster.auditDirectory;
    if (!cluster.auditSyslog) throw failure('one-audit-device', 'the cluster has one audit device, and this drill would stop it', { remedy: 'vault_audit_syslog: true, and apply' });
    const there = await hosts.text(leader, sh`[ -f ${directory}/${LOG} ] && echo yes || echo no`);
    if (there.trim() !== 'yes') throw failure('no-audit-log', `${leader.name} has no ${directory}/${LOG}`, { remedy: 'care-provision verify INVENTORY playbooks/vault.yml' });
    const guard = deadMan(hosts, leader, 'audit', DEAD_MAN_SECONDS, unblock(directory));
    let atMs = 0;
    return {
      what: `the audit log of ${leader.name}, which leads, can't be written`,
      byHand: `on ${leader.name}: rmdir ${directory}/${LOG}; mv ${directory}/${KEPT} ${directory}/${LOG}; systemctl reload care-vault`,
      async break() {
        await guard.arm();
        await hosts.text(leader, block(directory));
        atMs = scene.now();
      },
      holdSeconds: HOLD_SECONDS,
      async heal() {
        await hosts.text(leader, unblock(directory));
        await guard.disarm();
      },
      backSeconds: 60,
      async findings() {
        const found: string[] = [];
        const served = scene.rows().filter((row) => row.sentMs > atMs + 1000 && row.atMs < atMs + HOLD_SECONDS * 1000).at(-1);
        if (served === undefined) return ['no entry was taken while the file could not be written'];
        const path = `care-drill/${served.client}/${String(served.sequence)}`;
        const logged = await hosts.text(leader, sh`journalctl --no-pager -q -o cat -t care-vault-audit --since -10min | grep -Fc ${`"path":"${path}"`} || true`, 60);
        if (Number(logged.trim()) === 0) found.push(`${path} was written while the file was blocked, and the journal of ${leader.name} does not say so`);
        const clean = await hosts.text(leader, sh`[ -f ${directory}/${LOG} ] && [ ! -e ${directory}/${KEPT} ] && echo clean || echo left`);
        if (clean.trim() !== 'clean') found.push(`${leader.name} still has parts of the drill in ${directory}`);
        return found;
      },
    };
  },
};
