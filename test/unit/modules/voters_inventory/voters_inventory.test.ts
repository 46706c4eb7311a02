import { expect, it } from 'vitest';
import { votersInventory } from '../../../../src/modules/voters_inventory/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(votersInventory, import.meta.url);

it('points at the group', () => {
  expect(votersInventory.refuses?.({ what: 'members', group: 'etcd', geo_ha: 'required', voters: [{ name: 'a', site: 'x' }] })).toEqual([{ summary: expect.stringContaining('site x has 1 of 1') as string, group: 'etcd' }]);
});
