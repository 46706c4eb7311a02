/** When a cluster is to have more read replicas or fewer: the variable `postgres_scaling_policy` of the inventory. */
import { z } from 'zod';
import { badInput } from '../../../support/diagnostic.ts';

/** Values that mean load: a replica is added above `add`, removed below `remove`, and between them nothing happens (hysteresis). */
const Trigger = z
  .strictObject({
    add: z.number().positive().describe('More than this asks for a replica'),
    remove: z.number().min(0).describe('Less than this lets one go'),
  })
  .refine((t) => t.remove < t.add, 'remove must be less than add, or replicas would come and go');

export const ScalingPolicy = z
  .strictObject({
    mode: z.enum(['advise', 'act']).default('advise').describe('advise only shows; act does'),
    min_replicas: z.int().min(1).max(100).default(2).describe('Never fewer replicas, besides the leader'),
    max_replicas: z.int().min(1).max(100).default(4).describe('Never more'),
    /** A mean over the replicas that serve reads. */
    connections: Trigger.nullable().default({ add: 60, remove: 20 }).describe('Active client connections on a replica, on average; null leaves it out'),
    load: Trigger.nullable().default({ add: 0.8, remove: 0.3 }).describe('Load average of a minute, per processor of a replica, on average'),
    pool_wait: Trigger.nullable().default({ add: 1, remove: 0.5 }).describe('Clients that wait for a connection of a pooler, all poolers together'),
    lag_bytes: Trigger.nullable().default({ add: 67_108_864, remove: 16_777_216 }).describe('Bytes that a replica is behind, on average'),
    samples: z.int().min(1).max(100).default(3).describe('Looks at the cluster; a trigger counts when all of them say so'),
    interval_seconds: z.int().min(0).max(3600).default(20).describe('Seconds between looks'),
    cooldown_seconds: z.int().min(0).max(604_800).default(1800).describe('Seconds after a change in which there is no other'),
  })
  .refine((p) => p.min_replicas <= p.max_replicas, { path: ['min_replicas'], message: 'must not be more than max_replicas' });
export type ScalingPolicy = z.output<typeof ScalingPolicy>;

/** @throws Diagnostic (bad input) that names the key */
export function readPolicy(value: unknown): ScalingPolicy {
  const parsed = ScalingPolicy.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badInput('bad-scaling-policy', `postgres_scaling_policy${issue === undefined || issue.path.length === 0 ? '' : `.${issue.path.join('.')}`}: ${issue?.message ?? 'is not a policy'}`, { remedy: 'docs/postgres-scaling.md lists its keys' });
}
