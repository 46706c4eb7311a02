/** Whether an object has come as far as it is to come. Pure. */
import { z } from 'zod';

export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string | undefined;
}

/** `failed`: it will never be ready by itself. */
export type Readiness = { readonly type: 'ready' } | { readonly type: 'waiting'; readonly why: string } | { readonly type: 'failed'; readonly why: string };

const Condition = z.looseObject({ type: z.string(), status: z.string(), reason: z.string().optional(), message: z.string().optional() });
const Count = z.int().default(0);
const Observed = z.looseObject({
  kind: z.string().default(''),
  metadata: z.looseObject({ generation: z.int().optional(), deletionTimestamp: z.string().optional() }).default({}),
  spec: z.looseObject({ replicas: z.int().default(1), updateStrategy: z.unknown().optional() }).prefault({}),
  status: z.looseObject({
    observedGeneration: z.int().optional(), phase: z.string().optional(), conditions: z.array(Condition).default([]), replicas: Count, updatedReplicas: Count, readyReplicas: Count, availableReplicas: Count,
    desiredNumberScheduled: z.int().optional(), updatedNumberScheduled: Count, numberAvailable: Count, updateRevision: z.string().optional(), currentRevision: z.string().optional(),
  }).prefault({}),
});
/** Of a StatefulSet; other kinds have other things there. */
const Strategy = z.looseObject({ type: z.string().default('RollingUpdate'), rollingUpdate: z.looseObject({ partition: z.int().default(0) }).prefault({}) });
type Observed = z.output<typeof Observed>;

/** Kinds whose controllers write which generation they have seen. */
const ROLLOUTS: readonly string[] = ['Deployment', 'ReplicaSet', 'StatefulSet', 'DaemonSet'];

const READY: Readiness = { type: 'ready' };
const waiting = (why: string): Readiness => ({ type: 'waiting', why });

function counts(have: number, of: number, word: string): string | undefined {
  return have === of ? undefined : `${String(have)} of ${String(of)} ${word}`;
}

function first(...whys: readonly (string | undefined)[]): Readiness {
  const why = whys.find((each) => each !== undefined);
  return why === undefined ? READY : waiting(why);
}

function conditionOf(object: Observed, type: string): z.output<typeof Condition> | undefined {
  return object.status.conditions.find((each) => each.type.toLowerCase() === type.toLowerCase());
}

function saidBy(condition: z.output<typeof Condition> | undefined, type: string): string {
  if (condition === undefined) return `it has no condition ${type}`;
  return `condition ${type} is ${condition.status}${condition.reason === undefined ? '' : ` (${condition.reason})`}${condition.message === undefined || condition.message === '' ? '' : `: ${condition.message}`}`;
}

const condition = (type: string) => (object: Observed): Readiness => {
  const found = conditionOf(object, type);
  return found?.status === 'True' ? READY : waiting(saidBy(found, type));
};

/** As `kubectl rollout status` judges (kubernetes/kubectl, pkg/polymorphichelpers/rollout_status.go). */
const byKind: Readonly<Record<string, (object: Observed) => Readiness>> = {
  Deployment: ({ spec, status }) => {
    const stuck = status.conditions.find((each) => each.type === 'Progressing' && each.reason === 'ProgressDeadlineExceeded');
    if (stuck !== undefined) return { type: 'failed', why: saidBy(stuck, 'Progressing') };
    return first(counts(status.updatedReplicas, spec.replicas, 'updated'), counts(status.updatedReplicas, status.replicas, 'are new'), counts(status.availableReplicas, spec.replicas, 'available'));
  },
  ReplicaSet: ({ spec, status }) => first(counts(status.readyReplicas, spec.replicas, 'ready')),
  StatefulSet: ({ spec, status }) => {
    const strategy = Strategy.safeParse(spec.updateStrategy).data;
    const wanted = strategy?.type === 'OnDelete' ? 0 : Math.max(0, spec.replicas - (strategy?.rollingUpdate.partition ?? 0));
    return first(status.updatedReplicas < wanted ? `${String(status.updatedReplicas)} of ${String(wanted)} updated` : undefined, counts(status.readyReplicas, spec.replicas, 'ready'));
  },
  DaemonSet: ({ status }) => (status.desiredNumberScheduled === undefined ? waiting('it has not been scheduled') : first(counts(status.updatedNumberScheduled, status.desiredNumberScheduled, 'updated'), counts(status.numberAvailable, status.desiredNumberScheduled, 'available'))),
  Pod: (object) => {
    if (object.status.phase === 'Succeeded') return READY;
    if (object.status.phase === 'Failed') return { type: 'failed', why: 'it has failed' };
    return condition('Ready')(object);
  },
  Job: (object) => {
    const broken = conditionOf(object, 'Failed');
    return broken?.status === 'True' ? { type: 'failed', why: saidBy(broken, 'Failed') } : condition('Complete')(object);
  },
  Node: condition('Ready'),
  CustomResourceDefinition: condition('Established'),
  APIService: condition('Available'),
  Namespace: ({ status }) => (status.phase === 'Active' ? READY : waiting(`it is ${status.phase ?? 'new'}`)),
  PersistentVolumeClaim: ({ status }) => (status.phase === 'Bound' ? READY : waiting(`it is ${status.phase ?? 'new'}`)),
};

/**
 * @param object as the API gives it
 * @param wanted a condition in place of what its kind means by ready; kinds that are not known are ready when they are there
 */
export function readiness(object: unknown, wanted: WantedCondition | undefined): Readiness {
  const parsed = Observed.safeParse(object);
  if (!parsed.success) return waiting(`its status is not as is usual: ${z.prettifyError(parsed.error)}`);
  const { kind, metadata, status } = parsed.data;
  if (metadata.deletionTimestamp !== undefined) return waiting('it is being deleted');
  // A controller that has not looked at all has written no generation, and its counts are zeros: 0 of 0 pods of a DaemonSet.
  const observed = status.observedGeneration ?? (ROLLOUTS.includes(kind) ? 0 : undefined);
  if (metadata.generation !== undefined && observed !== undefined && observed < metadata.generation) return waiting('its controller has not seen its last change yet');
  if (wanted === undefined) return byKind[kind]?.(parsed.data) ?? READY;
  const found = conditionOf(parsed.data, wanted.type);
  return found?.status === wanted.status && (wanted.reason === undefined || found.reason === wanted.reason) ? READY : waiting(saidBy(found, wanted.type));
}
