/** `converge manifest`: the nightly run as Kubernetes CronJobs, for who has no control host. */
import type { V1CronJob, V1PodSpec } from '@kubernetes/client-node';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { stringify } from 'yaml';
import { DAYS, readPolicy, type Policy } from '../../run/converge/policy.ts';
import { loadInventory } from '../../language/inventory/index.ts';
import { inventorySecrets } from '../../language/secrets/index.ts';
import { badInput, Diagnostic, ExitStatus } from '../../support/diagnostic.ts';
import { packageVersion } from '../../support/package-root.ts';
import type { ConvergeManifestFlags } from '../commands/converge.ts';
import type { CliContext } from '../context.ts';
import { parseExtraVars } from '../extra-vars.ts';
import { readNotify } from '../notify/config.ts';
import { nameOf } from './names.ts';

/** A class of the client as the object that it stands for. */
type Plain<T> = T extends Date ? Date : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type CronJob = Plain<V1CronJob>;

const STATE = '/state';
const SECRETS = '/secrets';
const GIVEN = '/given';
/** Seconds that a Job may begin late: a controller that was away makes it up, as Persistent= of a timer does. */
const DEADLINE = 12 * 3600;

export interface ManifestInit {
  readonly name: string;
  readonly schedule: Policy['schedule'];
  readonly timeZone: string;
  readonly image: string;
  readonly namespace: string;
  readonly claim: string;
  readonly secret: string;
  /** Words after `converge run`, and after `converge watch`. */
  readonly run: readonly string[];
  readonly watch: readonly string[];
}

/** Minutes by which a name is later than the schedule: always the same, and spread over the jitter. CronJobs have no jitter of their own. */
export function offsetMinutes(name: string, jitter: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % (Math.floor(jitter / 60) + 1);
}

/** The schedule as cron has it; an offset may take it past midnight, into the next day. */
export function cronOf({ at, days, jitter }: Policy['schedule'], name: string): string {
  const total = Number(at.slice(0, 2)) * 60 + Number(at.slice(3)) + offsetMinutes(name, jitter);
  const late = total >= 24 * 60 ? 1 : 0;
  // Cron counts from Sunday.
  const list = days.length === 7 ? '*' : days.map((day) => (DAYS.indexOf(day) + 1 + late) % 7).sort().join(',');
  return `${String(total % 60)} ${String(Math.floor(total / 60) % 24)} * * ${list}`;
}

function pod({ image, claim, secret }: ManifestInit, words: readonly string[]): Plain<V1PodSpec> {
  const confined = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    // Files of a Secret can be read by the pod's group, and a private key that others can read is refused: the run gets copies of its own.
    initContainers: [
      {
        name: 'secrets',
        image,
        command: ['sh', '-c', `umask 077 && cp -L ${GIVEN}/* ${SECRETS}/`],
        securityContext: confined,
        resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '64Mi' } },
        volumeMounts: [{ name: 'given', mountPath: GIVEN, readOnly: true }, { name: 'secrets', mountPath: SECRETS }],
      },
    ],
    containers: [
      {
        name: 'converge',
        image,
        args: ['converge', ...words],
        env: [{ name: 'CARE_STATE', value: STATE }, { name: 'CARE_IDENTITY_FILE', value: `${SECRETS}/identity.txt` }, { name: 'HOME', value: '/tmp' }],
        envFrom: [{ secretRef: { name: `${secret}-variables`, optional: true } }],
        securityContext: confined,
        resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '2Gi' } },
        volumeMounts: [{ name: 'state', mountPath: STATE }, { name: 'secrets', mountPath: SECRETS, readOnly: true }, { name: 'tmp', mountPath: '/tmp' }],
      },
    ],
    volumes: [
      { name: 'state', persistentVolumeClaim: { claimName: claim } },
      { name: 'given', secret: { secretName: secret, defaultMode: 0o400 } },
      { name: 'secrets', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } },
      { name: 'tmp', emptyDir: { sizeLimit: '256Mi' } },
    ],
  };
}

function cronJob(init: ManifestInit, of: { readonly suffix: string; readonly schedule: string; readonly words: readonly string[]; readonly deadline: number; readonly late: number }): CronJob {
  const labels = { 'app.kubernetes.io/name': 'care-provision', 'app.kubernetes.io/component': `converge${of.suffix}`, 'app.kubernetes.io/instance': init.name, 'app.kubernetes.io/version': packageVersion() };
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: `care-provision-converge-${init.name}${of.suffix}`, namespace: init.namespace, labels },
    spec: {
      schedule: of.schedule,
      timeZone: init.timeZone,
      concurrencyPolicy: 'Forbid',
      startingDeadlineSeconds: of.late,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 3,
      // A night is not tried again: what it has told of should be looked at.
      jobTemplate: { metadata: { labels }, spec: { backoffLimit: 0, activeDeadlineSeconds: of.deadline, ttlSecondsAfterFinished: 14 * 86_400, template: { metadata: { labels }, spec: pod(init, of.words) } } },
    },
  };
}

/** Both CronJobs. */
export function cronJobs(init: ManifestInit): readonly [CronJob, CronJob] {
  return [
    cronJob(init, { suffix: '', schedule: cronOf(init.schedule, init.name), words: ['run', ...init.run, '--timeout', String(init.schedule.timeout)], deadline: init.schedule.timeout, late: DEADLINE }),
    cronJob(init, { suffix: '-watch', schedule: `${String(offsetMinutes(`${init.name}-watch`, 3540))} * * * *`, words: ['watch', ...init.watch], deadline: 600, late: 600 }),
  ];
}

export interface ManifestRequest {
  readonly inventory: string;
  readonly playbooks: readonly string[];
  readonly flags: ConvergeManifestFlags;
}

/** @throws Diagnostic for an inventory that cannot be read, or that names nobody to tell */
export function convergeManifestAction(context: CliContext, { inventory, playbooks, flags }: ManifestRequest): ExitStatus {
  const name = nameOf(flags.name, inventory);
  // A name of an object in Kubernetes is one of DNS (RFC 1123), and CronJobs have 11 characters less for those of their Jobs.
  if (!/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/.test(name)) throw new Diagnostic({ kind: 'usage', code: 'converge-name', summary: `${name} is no name for a CronJob: letters, digits and -, at most 22`, remedy: 'give one: --name production' });
  const given = [inventory, ...flags.inventory, ...playbooks, ...flags.playbook];
  const absolute = given.find((file) => path.isAbsolute(file));
  if (absolute !== undefined) throw new Diagnostic({ kind: 'usage', code: 'absolute-path', summary: `${absolute}: the image has the project elsewhere`, remedy: "name it relative to the project's folder, which is the image's working directory" });
  const open = flags.extraVars.find((words) => !words.startsWith('@'));
  if (open !== undefined) throw new Diagnostic({ kind: 'usage', code: 'vars-in-manifest', summary: '--extra-vars in a manifest can be read by many', remedy: 'put them into a file of the image: --extra-vars @vars.yml' });
  const secrets = inventorySecrets([inventory, ...flags.inventory]);
  const loaded = { inventory: loadInventory([inventory, ...flags.inventory], { decryptFile: secrets.decryptFile }), secrets };
  const extraVars = parseExtraVars(flags.extraVars, context.cwd);
  if (readNotify(loaded, extraVars) === undefined) throw badInput('no-notify', 'the inventory does not say whom to tell of a run that is missed, hangs or dies', { remedy: 'describe it in the variable notify of group all (docs/reports.md)' });
  const policy = readPolicy(loaded, extraVars);
  const shared = [inventory, ...flags.inventory.flatMap((one) => ['--inventory', one]), ...flags.extraVars.flatMap((words) => ['--extra-vars', words]), '--name', name];
  const jobs = cronJobs({
    name, schedule: policy.schedule, timeZone: policy.time_zone, image: flags.image, namespace: flags.namespace, claim: flags.claim, secret: flags.secret,
    run: [...shared.slice(0, 1), ...playbooks, ...shared.slice(1), ...flags.playbook.flatMap((one) => ['--playbook', one])], watch: shared,
  });
  context.stdout.write(jobs.map((job) => `---\n${stringify(job)}`).join(''));
  return ExitStatus.ok;
}
