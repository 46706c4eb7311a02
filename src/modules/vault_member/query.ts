/** What the host itself tells of its member: whether it runs, has data, was a member before, and is older than its files. */
import { defineQuery } from '../../host/define-query.ts';
import type { ProbeOutput } from '../../host/query.ts';
import { quote } from '../../support/shell.ts';

/** The role's unit touches it right before each start. */
export const STARTED = '/run/care-vault/started';
/** There once the host was a member with a vote. */
export const MARKER = '/etc/care-vault/member';

export interface VaultHostKey {
  readonly unit: string;
  readonly dataDir: string;
  readonly files: readonly string[];
}

export interface VaultHostFact {
  /** systemd's ActiveState; empty without systemd. */
  readonly active: string;
  readonly data: boolean;
  readonly wasMember: boolean;
  /** Files that are newer than the process. */
  readonly newer: readonly string[];
}

function probeOne(key: VaultHostKey): string {
  return `systemctl show -p ActiveState --value ${quote(key.unit)} 2>/dev/null || echo
[ -s ${quote(`${key.dataDir}/raft/raft/raft.db`)} ] && echo data || echo
[ -e ${MARKER} ] && echo member || echo
[ ! -e ${STARTED} ] || find -L ${key.files.map(quote).join(' ') || '/nonexistent'} -prune -cnewer ${STARTED} 2>/dev/null
care_mark`;
}

function parse(keys: readonly VaultHostKey[], output: ProbeOutput): readonly VaultHostFact[] {
  const sections = [output.head, ...output.sections];
  return keys.map((_, i) => {
    const [active = '', data = '', member = '', ...newer] = (sections[i]?.toString('utf8') ?? '').split('\n');
    return { active, data: data === 'data', wasMember: member === 'member', newer: newer.filter((line) => line !== '') };
  });
}

export const vaultHost = defineQuery<VaultHostKey, VaultHostFact>({
  name: 'vault-host',
  id: (key) => [key.unit, key.dataDir, ...key.files].join(' '),
  describe: (key) => `member of ${key.unit} on this host`,
  probe: (keys) => keys.map(probeOne).join('\n'),
  parse,
  volatile: true,
});
