import { randomBytes } from 'node:crypto';
import { poolsOf } from '../../operations/minio/view.ts';
import { childText, parseXml, xml } from '../../services/s3/xml.ts';
import { failure } from '../../support/diagnostic.ts';
import { uninterrupted } from '../../support/uninterrupted.ts';
import { DRILL_NAME } from './admin.ts';
import { clientAt } from './places.ts';
import { applyStore } from './playbook.ts';
import type { MinioDrill, MinioScene } from './scene.ts';

const PATH = `/${DRILL_NAME}/grown`;
/** The least that a part may have, but for the last (S3 API reference: UploadPart). */
const PART = 5 * 1024 * 1024;

/** An upload in parts by the drill's user, straight to the first node: it must outlive what is done to the store. */
function upload({ store, nodes, ca, account }: MinioScene) {
  const [place] = nodes;
  if (place === undefined) throw failure('no-nodes', 'the store has no nodes');
  const client = clientAt(store, place, account(), ca);
  const limits = { timeoutSeconds: 30, signal: uninterrupted() };
  const first = randomBytes(PART);
  let uploadId = '';
  const etags: string[] = [];
  const part = async (number: number, body: Buffer): Promise<void> => {
    const { status, headers } = await client.send({ method: 'PUT', path: PATH, query: { partNumber: String(number), uploadId }, body }, limits);
    if (status !== 200 || typeof headers['etag'] !== 'string') throw failure('part-refused', `part ${String(number)} of the upload: ${String(status)}`);
    etags.push(headers['etag']);
  };
  return {
    async begin() {
      uploadId = childText(parseXml((await client.write({ method: 'POST', path: PATH, query: { uploads: '' } }, limits)).body.toString('utf8')), 'UploadId') ?? '';
      await part(1, first);
    },
    /** @returns whether it holds what was sent */
    async end(): Promise<boolean> {
      await part(2, Buffer.from('the end'));
      const body = Buffer.from(xml('CompleteMultipartUpload', etags.map((etag, i) => xml('Part', [xml('PartNumber', i + 1), xml('ETag', etag)]))));
      await client.write({ method: 'POST', path: PATH, query: { uploadId }, body }, limits);
      return (await client.read({ method: 'GET', path: PATH }, limits)).body.equals(Buffer.concat([first, Buffer.from('the end')]));
    },
    close: () => client.close(),
  };
}

/** A pool that is declared and not there yet is added while clients write and an upload in parts is under way. */
export const poolAdd: MinioDrill = {
  service: 'minio',
  name: 'minio-pool-add',
  summary: 'the pool that is declared, and not there yet, is added',
  proves: 'The store grows while it is used: all nodes are started together, clients try again, no request fails for good, an upload in parts that was under way is ended, and there is more room.',
  target: { gapMs: 60_000, backMs: 300_000, source: 'R3: a pool is added, capacity grows, a running multipart upload survives' },
  touches: ['nodes'],
  changes: true,
  begin(scene) {
    const { before, store, admin, note } = scene;
    const had = before.info === undefined ? 0 : poolsOf(before.info);
    const room = (drives: readonly { readonly total: number }[]): number => drives.reduce((sum, d) => sum + d.total, 0);
    const hadRoom = room(before.info?.drives ?? []);
    if (store.pools <= had) throw failure('nothing-to-add', `the inventory declares ${String(store.pools)} pools, and the store has ${String(had)}`, { remedy: 'declare one more in minio_pools: in the inventory, or with --extra-vars @FILE' });
    const sent = upload(scene);
    const wrong: string[] = [];
    return Promise.resolve({
      what: `pool ${String(store.pools)} is added to ${store.name}`,
      byHand: 'care-provision apply INVENTORY playbooks/minio.yml',
      async break() {
        await sent.begin();
        note('seen', 'an upload in parts is under way');
        await applyStore(scene);
        const { drives } = await admin.info();
        if (room(drives) <= hadRoom) wrong.push('there is no more room than before');
        note('seen', `room for ${String(Math.round(room(drives) / 2 ** 20))} MiB on all drives, ${String(Math.round(hadRoom / 2 ** 20))} before`);
        if (!(await sent.end())) wrong.push('the upload in parts holds other bytes than were sent');
        note('seen', 'the upload in parts is ended, and holds what was sent');
      },
      healsItself: true,
      heal: () => sent.close(),
      back: (now) => (now.info !== undefined && poolsOf(now.info) === store.pools ? undefined : 'the store does not know of the new pool'),
      backSeconds: 180,
      findings: () => Promise.resolve(wrong),
    });
  },
};
