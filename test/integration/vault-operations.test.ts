/** Operations with key shares and snapshots, against a real OpenBao on this machine; without it in the artefact cache these are skipped. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseIdentity, type X25519Identity } from '../../src/language/secrets/age-decrypt.ts';
import type { ClusterHost } from '../../src/operations/inventory.ts';
import type { VaultCluster } from '../../src/operations/vault/cluster.ts';
import { renewAccess } from '../../src/operations/vault/generate-root.ts';
import { readHolders, type Holders } from '../../src/operations/vault/holders.ts';
import type { VaultObserver } from '../../src/operations/vault/observe.ts';
import { cancelRekey, rekey } from '../../src/operations/vault/rekey.ts';
import { openShares, readShareList } from '../../src/operations/vault/shares.ts';
import { inspectSnapshot, putSnapshot, takeSnapshot } from '../../src/operations/vault/snapshot.ts';
import { markCounting, shareSets, tryShares } from '../../src/operations/vault/adoption.ts';
import { makeToken } from '../../src/operations/vault/token.ts';
import { unsealMember, unsealMembers } from '../../src/operations/vault/unseal.ts';
import { OPERATOR } from '../../src/services/vault/access.ts';
import { lookAtMember } from '../../src/services/vault/status.ts';
import { VaultTrouble } from '../../src/services/vault/trouble.ts';
import { Secret } from '../../src/support/secret.ts';
import type { Authority } from '../../src/support/x509/authority.ts';
import { authority, hasOpenBao, LIMITS, startOpenBao, type OpenBao } from './support/openbao.ts';

let bao: OpenBao;
let dir = '';
let holders: Holders;
let people: readonly X25519Identity[] = [];
let operators: Authority;
const host: ClusterHost = { name: 'one', address: '127.0.0.1' } as ClusterHost;

const cluster = (): VaultCluster => ({ name: 'care', flavor: 'openbao', seal: 'shamir', shareDirectory: dir, members: [host], holders: () => holders, operatorAuthority: () => operators }) as unknown as VaultCluster;
const observer = (): VaultObserver => ({
  limits: LIMITS,
  client: (_host, auth) => bao.client(auth),
  operator: () => bao.client({ type: 'certificate', authority: operators, ...OPERATOR }),
  member: async () => {
    const asking = bao.client({ type: 'none' });
    try {
      return await lookAtMember('one', asking, LIMITS);
    } finally {
      await asking.close();
    }
  },
  look: async () => [await observer().member(host)],
});

/** Old shares in, as holders give them. */
async function rekeyed(shares: readonly Secret[]): ReturnType<typeof rekey> {
  const operator = observer().operator(host);
  try {
    return await rekey({ cluster: cluster(), operator, observer: observer(), holders, clusterId: 'x', shares, now: new Date() });
  } finally {
    await operator.close();
  }
}

/** What these people can open. */
function sharesOf(...who: readonly number[]): readonly Secret[] {
  const list = readShareList(dir);
  if (list === undefined) throw new Error('no list');
  return openShares(dir, list, who.flatMap((i) => people[i] ?? []), (message) => { throw new Error(message); }).map((s) => s.share);
}

describe.skipIf(!hasOpenBao())('openbao 2.7.2 (care-provision artifacts fetch openbao)', () => {
  beforeAll(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'care-operations-'));
    bao = await startOpenBao();
    operators = bao.operators;
    const keys = await Promise.all(['asha', 'binu', 'chitra'].map(async (name) => {
      const text = await generateX25519Identity();
      return { name, recipient: await identityToRecipient(text), identity: parseIdentity(text) };
    }));
    people = keys.flatMap(({ identity }) => (identity === undefined ? [] : [identity]));
    holders = readHolders(keys.map(({ name, recipient }) => ({ name, recipient })), 2);
  });
  afterAll(async () => {
    await bao.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('a wrong share changes nothing; a rekey that was cancelled changes nothing; one that is completed gives shares to their holders alone', async () => {
    await expect(rekeyed([new Secret(Buffer.alloc(32, 7).toString('base64'))])).rejects.toMatchObject({ code: 'wrong-share' });
    expect(readdirSync(dir)).toEqual([]);
    const operator = observer().operator(host);
    await cancelRekey(cluster(), operator, observer());
    await operator.close();
    const done = await rekeyed([bao.share]);
    expect(done.type).toBe('done');
    expect(sharesOf(0)).toHaveLength(1);
    expect(sharesOf(0, 1, 2)).toHaveLength(3);
  });

  it('the new shares are given one after another, by people who know nothing of each other', async () => {
    expect(await rekeyed(sharesOf(1))).toEqual({ type: 'more', progress: 1, required: 2 });
    const others = { ...holders, threshold: 3 };
    const kept = holders;
    holders = others;
    await expect(rekeyed(sharesOf(2))).rejects.toMatchObject({ code: 'other-rekey' });
    holders = kept;
    const before = readShareList(dir)?.shares[0]?.sha256;
    expect((await rekeyed(sharesOf(2))).type).toBe('done');
    expect(readShareList(dir)?.shares[0]?.sha256).not.toBe(before);
  });

  it('a rekey that was cut off right when its shares counted: the next one who gives shares finds out which they are', async () => {
    // As a program that was killed has left it: the cluster goes by the new ones, which are in next/ still.
    const before = `${dir}-before`;
    cpSync(dir, before, { recursive: true });
    expect(await rekeyed(sharesOf(0, 1))).toMatchObject({ type: 'done' });
    const counted = readShareList(dir)?.made;
    renameSync(dir, `${before}-after`);
    renameSync(before, dir);
    mkdirSync(path.join(dir, 'next'), { recursive: true });
    for (const name of readdirSync(`${before}-after`).filter((n) => /^[a-z]+\.(?:age|json)$/.test(n))) renameSync(path.join(`${before}-after`, name), path.join(dir, 'next', name));
    rmSync(`${before}-after`, { recursive: true });
    markCounting(dir);
    expect(readShareList(dir)?.made).not.toBe(counted);
    await bao.root.write('sys/seal', {}, LIMITS);
    const sets = shareSets(dir).map((set) => ({ ...set, shares: set.list === undefined ? [] : openShares(set.directory, set.list, people.slice(0, 2), (message) => { throw new Error(message); }) }));
    expect(sets.map((set) => set.which)).toEqual(['next', 'current']);
    const [opened] = await tryShares(dir, sets, new Date(), async ({ shares, accepted }) => {
      const outcomes = await unsealMembers(observer(), [host], shares);
      if (outcomes.every((each) => each.open)) accepted();
      return outcomes;
    });
    expect(opened).toMatchObject({ name: 'one', open: true });
    expect([shareSets(dir).length, readShareList(dir)?.made]).toEqual([1, counted]);
  });

  it('one member that fails keeps no other shut', async () => {
    await bao.root.write('sys/seal', {}, LIMITS);
    const gone = { name: 'gone', address: '127.0.0.1' } as ClusterHost;
    const two: VaultObserver = { ...observer(), client: (at, auth) => { if (at.name === 'gone') throw new VaultTrouble({ kind: 'silent', status: undefined, msg: 'nobody is there', remedy: 'look' }); return observer().client(at, auth); } };
    expect(await unsealMembers(two, [gone, host], sharesOf(0, 1))).toMatchObject([{ name: 'gone', open: false, trouble: { message: expect.stringContaining('nobody is there') as string } }, { name: 'one', open: true }]);
  });

  it('sealed and opened again with any two of the new shares; with a wrong one it says so and forgets', async () => {
    await bao.root.write('sys/seal', {}, LIMITS);
    const [first] = sharesOf(0);
    if (first === undefined) throw new Error('no share');
    await expect(unsealMember(observer(), host, [first, new Secret(Buffer.alloc(33, 7).toString('base64'))])).rejects.toMatchObject({ code: 'wrong-share' });
    expect(await unsealMember(observer(), host, sharesOf(0))).toMatchObject({ open: false, progress: 1, threshold: 2 });
    expect(await unsealMember(observer(), host, sharesOf(2))).toMatchObject({ open: true });
  });

  it('a snapshot is whole or refused, and what it holds comes back', async () => {
    const operator = observer().operator(host);
    const ready = async (): Promise<void> => { await expect.poll(async () => (await observer().member(host)).active, { timeout: 30_000 }).toBe(true); };
    await ready();
    await operator.write('care-verify/x', { v: 'before' }, LIMITS);
    const { content, seen } = await takeSnapshot(operator, observer());
    expect(seen.index).toBeGreaterThan(0);
    await operator.write('care-verify/x', { v: 'after' }, LIMITS);
    const damaged = Buffer.from(content);
    damaged[Math.floor(damaged.length / 2)] = (damaged[Math.floor(damaged.length / 2)] ?? 0) ^ 0xff;
    await expect(inspectSnapshot(damaged)).rejects.toMatchObject({ code: 'bad-snapshot' });
    await expect(inspectSnapshot(Buffer.from('no snapshot'))).rejects.toMatchObject({ code: 'bad-snapshot' });
    await putSnapshot(operator, observer(), content, false);
    await ready();
    await expect.poll(async () => (await operator.read('care-verify/x', LIMITS).catch(() => undefined))?.['v'], { timeout: 30_000 }).toBe('before');
    await operator.close();
  });

  it('a token for a service may do what its policy says, lives from renewal to renewal, and outlives who made it; one for everything is refused', async () => {
    await bao.root.write('sys/policies/acl/seal', { policy: 'path "sys/mounts" { capabilities = ["read"] }' }, LIMITS);
    const make = async (...policies: readonly string[]): ReturnType<typeof makeToken> => {
      const operator = observer().operator(host);
      try {
        return await makeToken(operator, { policies, period: '24h' }, LIMITS);
      } finally {
        await operator.close();
      }
    };
    for (const policy of ['root', 'care-operator', 'care-member']) await expect(make('seal', policy)).rejects.toMatchObject({ code: 'kept-policy', kind: 'bad-input' });
    await expect(make('sael')).rejects.toMatchObject({ code: 'no-policy', kind: 'bad-input' });
    const { token, accessor } = await make('seal');
    const service = bao.client({ type: 'token', token });
    expect(await service.read('auth/token/lookup-self', LIMITS)).toMatchObject({ accessor, orphan: true, period: 86_400, renewable: true, policies: ['default', 'seal'] });
    expect(await service.read('sys/mounts', LIMITS)).toHaveProperty('sys/');
    await expect(service.read('sys/auth', LIMITS)).rejects.toThrow('permission denied');
    await bao.root.write('auth/token/revoke-accessor', { accessor }, LIMITS);
    await service.close();
  });

  it('operators whose CA was lost get in anew with enough shares, and the root token that it took is gone', async () => {
    operators = authority('other operators');
    await expect(observer().operator(host).read('sys/mounts', LIMITS)).rejects.toMatchObject({ trouble: { kind: 'refused' } });
    await expect(renewAccess({ cluster: cluster(), observer: observer(), host, shares: sharesOf(1), now: new Date() })).rejects.toMatchObject({ code: 'more-shares' });
    // The test's own root token, from init, is told of.
    expect(await renewAccess({ cluster: cluster(), observer: observer(), host, shares: sharesOf(1, 2), now: new Date() })).toEqual([{ accessor: expect.any(String) as string, created: expect.stringMatching(/^20\d\d-/) as string }]);
    const operator = observer().operator(host);
    expect(await operator.read('sys/mounts', LIMITS)).toBeDefined();
    const accessors = await operator.list('auth/token/accessors', LIMITS);
    const policies = await Promise.all(accessors.map(async (accessor) => (await operator.write('auth/token/lookup-accessor', { accessor }, LIMITS).catch(() => ({ policies: [] })))['policies']));
    // The first one is the test's own, from init.
    expect(policies.filter((p) => JSON.stringify(p) === '["root"]')).toHaveLength(1);
    await operator.close();
  });
});
