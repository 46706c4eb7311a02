/**
 * Every module there is, by its name. One import line a module, in alphabetical order; a test holds the
 * folder and this list to each other.
 */
import type { Module } from './define.ts';
import { alternativesModule } from './alternatives/index.ts';
import { aptRepositoryModule } from './apt_repository/index.ts';
import { artifact } from './artifact/index.ts';
import { artifactMirror } from './artifact_mirror/index.ts';
import { assert } from './assert/index.ts';
import { authorizedKeyModule } from './authorized_key/index.ts';
import { blockinfile } from './blockinfile/index.ts';
import { calicoInventory } from './calico_inventory/index.ts';
import { command } from './command/index.ts';
import { copy } from './copy/index.ts';
import { cronModule } from './cron/index.ts';
import { debconfModule } from './debconf/index.ts';
import { debug } from './debug/index.ts';
import { etcdAuthModule } from './etcd_auth/index.ts';
import { etcdMember } from './etcd_member/index.ts';
import { etcdTiming } from './etcd_timing/index.ts';
import { fail } from './fail/index.ts';
import { fetchModule } from './fetch/index.ts';
import { file } from './file/index.ts';
import { find } from './find/index.ts';
import { getUrl } from './get_url/index.ts';
import { git } from './git/index.ts';
import { groupModule } from './group/index.ts';
import { hostnameModule } from './hostname/index.ts';
import { hostsEntryModule } from './hosts_entry/index.ts';
import { includeVars } from './include_vars/index.ts';
import { k8s } from './k8s/index.ts';
import { k8sAdmission } from './k8s_admission/index.ts';
import { k8sCanI } from './k8s_can_i/index.ts';
import { k8sDrain } from './k8s_drain/index.ts';
import { k8sInfo } from './k8s_info/index.ts';
import { k8sKubeconfig } from './k8s_kubeconfig/index.ts';
import { k8sRbacReview } from './k8s_rbac_review/index.ts';
import { k8sWait } from './k8s_wait/index.ts';
import { kernelModuleModule } from './kernel_module/index.ts';
import { knownHostsModule } from './known_hosts/index.ts';
import { kubernetesInventory } from './kubernetes_inventory/index.ts';
import { lineinfile } from './lineinfile/index.ts';
import { localeModule } from './locale/index.ts';
import { meta } from './meta/index.ts';
import { minioConfig } from './minio_config/index.ts';
import { minioPolicy } from './minio_policy/index.ts';
import { minioReplication } from './minio_replication/index.ts';
import { minioServiceAccount } from './minio_service_account/index.ts';
import { minioUser } from './minio_user/index.ts';
import { mountModule } from './mount/index.ts';
import { packageModule, aptModule } from './package/index.ts';
import { patroniGate } from './patroni_gate/index.ts';
import { patroniRestart } from './patroni_restart/index.ts';
import { patroniSwitchover } from './patroni_switchover/index.ts';
import { patroniConfig } from './patroni_config/index.ts';
import { patroniInfo } from './patroni_info/index.ts';
import { patroniMember } from './patroni_member/index.ts';
import { patroniRoles } from './patroni_roles/index.ts';
import { pause } from './pause/index.ts';
import { pgbackrestBackup } from './pgbackrest_backup/index.ts';
import { pgbackrestStanza } from './pgbackrest_stanza/index.ts';
import { pgbouncerAuthModule } from './pgbouncer_auth/index.ts';
import { ping } from './ping/index.ts';
import { postgresqlDb } from './postgresql_db/index.ts';
import { postgresqlExt } from './postgresql_ext/index.ts';
import { postgresqlGrants } from './postgresql_grants/index.ts';
import { postgresqlInfo } from './postgresql_info/index.ts';
import { postgresqlMembers } from './postgresql_members/index.ts';
import { postgresqlMembership } from './postgresql_membership/index.ts';
import { postgresqlOwner } from './postgresql_owner/index.ts';
import { postgresqlPartman } from './postgresql_partman/index.ts';
import { postgresqlPing } from './postgresql_ping/index.ts';
import { postgresqlPolicy } from './postgresql_policy/index.ts';
import { postgresqlPrivs } from './postgresql_privs/index.ts';
import { postgresqlQuery } from './postgresql_query/index.ts';
import { postgresqlSchema } from './postgresql_schema/index.ts';
import { postgresqlSet } from './postgresql_set/index.ts';
import { postgresqlTablePartition } from './postgresql_table_partition/index.ts';
import { postgresqlUnlisted } from './postgresql_unlisted/index.ts';
import { postgresqlUser } from './postgresql_user/index.ts';
import { postgresqlUserMapping } from './postgresql_user_mapping/index.ts';
import { reboot } from './reboot/index.ts';
import { replace } from './replace/index.ts';
import { rollbackModule } from './rollback/index.ts';
import { s3BackupInfo } from './s3_backup_info/index.ts';
import { s3Bucket } from './s3_bucket/index.ts';
import { s3Lifecycle } from './s3_lifecycle/index.ts';
import { s3Policy } from './s3_policy/index.ts';
import { s3UploadInventory } from './s3_upload_inventory/index.ts';
import { script } from './script/index.ts';
import { serviceModule } from './service/index.ts';
import { setFact } from './set_fact/index.ts';
import { shell } from './shell/index.ts';
import { slurp } from './slurp/index.ts';
import { statModule } from './stat/index.ts';
import { sudoersModule } from './sudoers/index.ts';
import { sysctlModule } from './sysctl/index.ts';
import { systemdModule } from './systemd/index.ts';
import { systemdUnitModule } from './systemd_unit/index.ts';
import { tempfile } from './tempfile/index.ts';
import { template } from './template/index.ts';
import { timezoneModule } from './timezone/index.ts';
import { unarchive } from './unarchive/index.ts';
import { uri } from './uri/index.ts';
import { userModule } from './user/index.ts';
import { vaultAuth } from './vault_auth/index.ts';
import { vaultDatabase } from './vault_database/index.ts';
import { vaultInfo } from './vault_info/index.ts';
import { vaultInventory } from './vault_inventory/index.ts';
import { vaultKv } from './vault_kv/index.ts';
import { vaultMount } from './vault_mount/index.ts';
import { vaultPkiIntermediate } from './vault_pki_intermediate/index.ts';
import { vaultPolicy } from './vault_policy/index.ts';
import { vaultTransitKey } from './vault_transit_key/index.ts';
import { vaultWrite } from './vault_write/index.ts';
import { vaultMember } from './vault_member/index.ts';
import { votersInventory } from './voters_inventory/index.ts';
import { waitFor } from './wait_for/index.ts';
import { waitForConnection } from './wait_for_connection/index.ts';
import { x509Bundle } from './x509_bundle/index.ts';
import { x509Ca } from './x509_ca/index.ts';
import { x509Certificate } from './x509_certificate/index.ts';
import { x509Csr } from './x509_csr/index.ts';
import { x509Info } from './x509_info/index.ts';
import { x509PrivateKey } from './x509_private_key/index.ts';
import { x509Trust } from './x509_trust/index.ts';

const all: readonly Module[] = [
  alternativesModule,
  aptRepositoryModule,
  artifact,
  artifactMirror,
  assert,
  authorizedKeyModule,
  blockinfile,
  calicoInventory,
  command,
  copy,
  cronModule,
  debconfModule,
  debug,
  etcdAuthModule,
  etcdMember,
  etcdTiming,
  fail,
  fetchModule,
  file,
  find,
  getUrl,
  git,
  groupModule,
  hostnameModule,
  hostsEntryModule,
  includeVars,
  k8s,
  k8sAdmission,
  k8sCanI,
  k8sDrain,
  k8sInfo,
  k8sKubeconfig,
  k8sRbacReview,
  k8sWait,
  kernelModuleModule,
  kubernetesInventory,
  knownHostsModule,
  lineinfile,
  localeModule,
  meta,
  minioConfig,
  minioPolicy,
  minioReplication,
  minioServiceAccount,
  minioUser,
  mountModule,
  packageModule,
  aptModule,
  patroniGate,
  patroniRestart,
  patroniSwitchover,
  patroniConfig,
  patroniInfo,
  patroniMember,
  patroniRoles,
  pause,
  pgbouncerAuthModule,
  pgbackrestBackup,
  pgbackrestStanza,
  ping,
  postgresqlDb,
  postgresqlExt,
  postgresqlGrants,
  postgresqlInfo,
  postgresqlMembers,
  postgresqlMembership,
  postgresqlOwner,
  postgresqlPartman,
  postgresqlPing,
  postgresqlPolicy,
  postgresqlPrivs,
  postgresqlQuery,
  postgresqlSchema,
  postgresqlSet,
  postgresqlTablePartition,
  postgresqlUnlisted,
  postgresqlUser,
  postgresqlUserMapping,
  reboot,
  replace,
  rollbackModule,
  s3BackupInfo,
  s3Bucket,
  s3Lifecycle,
  s3Policy,
  s3UploadInventory,
  script,
  serviceModule,
  setFact,
  shell,
  slurp,
  statModule,
  sudoersModule,
  sysctlModule,
  systemdModule,
  systemdUnitModule,
  tempfile,
  template,
  timezoneModule,
  unarchive,
  uri,
  userModule,
  vaultAuth,
  vaultDatabase,
  vaultInfo,
  vaultInventory,
  vaultKv,
  vaultMount,
  vaultPkiIntermediate,
  vaultPolicy,
  vaultTransitKey,
  vaultWrite,
  vaultMember,
  votersInventory,
  waitFor,
  waitForConnection,
  x509Bundle,
  x509Ca,
  x509Certificate,
  x509Csr,
  x509Info,
  x509PrivateKey,
  x509Trust,
];

/** Modules by name, in alphabetical order. */
export const modules: ReadonlyMap<string, Module> = new Map([...all].sort((a, b) => (a.name < b.name ? -1 : 1)).map((module) => [module.name, module]));

/** Ansible's collections whose modules of the same name stand for ours. */
const COLLECTIONS = ['ansible.builtin', 'ansible.legacy', 'ansible.posix', 'community.general', 'community.crypto', 'community.postgresql'];

/**
 * A module by its name or by Ansible's full name: `file`, `ansible.builtin.file`, `ansible.posix.sysctl`.
 *
 * @returns undefined when there is none
 */
export function findModule(name: string): Module | undefined {
  const dot = name.lastIndexOf('.');
  if (dot === -1) return modules.get(name);
  return COLLECTIONS.includes(name.slice(0, dot)) ? modules.get(name.slice(dot + 1)) : undefined;
}
