/** How much a bucket may hold: MinIO's admin API (madmin-go, quota-commands.go). */
import { z } from 'zod';
import type { ServiceChange } from '../../../host/plan.ts';
import type { HostView } from '../../../host/view.ts';
import type { S3Login } from '../../../services/s3/login.ts';
import { adminPath } from '../../../services/s3/minio.ts';
import type { BucketKey } from './aspect.ts';
import { s3Change } from './change.ts';
import { defineS3Query } from './kind.ts';
import { known } from './server.ts';

const Told = z.object({ quota: z.number().optional(), size: z.number().optional(), quotatype: z.string().optional() });

/** Bytes; 0 for no limit, and for no bucket. */
export const quota = defineS3Query<BucketKey, number>({
  name: 'minio-quota',
  subject: (key) => key.bucket,
  describe: (key) => `quota of bucket ${key.bucket}`,
  ask: async (key, asker) => {
    const answer = await asker.readUnless(['NoSuchBucket', 'XMinioAdminNoSuchQuotaConfiguration'], { method: 'GET', path: adminPath('get-bucket-quota'), query: { bucket: key.bucket } });
    if (answer === undefined) return 0;
    const told = Told.parse(JSON.parse(answer.body.toString('utf8')));
    return told.size === undefined || told.size === 0 ? (told.quota ?? 0) : told.size;
  },
});

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 };
const SIZE = /^(\d+)\s*(KiB|MiB|GiB|TiB|)$/;

/** Bytes, as a number or with a unit: `500GiB`. */
export const Size = z
  .union([z.int().nonnegative(), z.string().regex(SIZE, 'must be bytes, or a number with KiB, MiB, GiB or TiB')])
  .transform((v) => {
    if (typeof v === 'number') return v;
    const [, count = '0', unit = ''] = SIZE.exec(v) ?? [];
    return Number(count) * (UNITS[unit] ?? 1);
  })
  .refine((bytes) => Number.isSafeInteger(bytes), 'is too large');

export function settleQuota(host: HostView, login: S3Login, bucket: string, wished: number, isNew: boolean): readonly ServiceChange[] {
  const query = quota({ login, bucket });
  const before = isNew ? 0 : known(host, query, 0);
  if (before === wished) return [];
  const body = Buffer.from(JSON.stringify(wished === 0 ? { quota: 0, size: 0 } : { quota: wished, size: wished, quotatype: 'hard' }));
  return [
    s3Change({
      login,
      resource: `bucket ${bucket}`,
      what: `quota ${words(before)} → ${words(wished)}`,
      before: { quota: words(before) },
      after: { quota: words(wished) },
      request: { method: 'PUT', path: adminPath('set-bucket-quota'), query: { bucket }, body },
      effects: [query.is({ ok: true, value: wished })],
    }),
  ];
}

function words(bytes: number): string {
  if (bytes === 0) return 'none';
  const [unit, size] = Object.entries(UNITS).findLast(([, each]) => bytes % each === 0) ?? ['', 1];
  return unit === '' ? `${String(bytes)} bytes` : `${String(bytes / size)} ${unit}`;
}
