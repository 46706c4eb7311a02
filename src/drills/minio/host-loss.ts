import { failure } from '../../support/diagnostic.ts';
import type { MinioDrill } from './scene.ts';

/** One host of the store loses its power; the others serve on; it comes back and is healed. */
export const hostLoss: MinioDrill = {
  service: 'minio',
  name: 'minio-host-loss',
  summary: 'the power of one host is cut',
  proves: 'The store serves on with one host gone: clients try again on another one, no request fails for good, and nothing is lost; the host comes back, is healed, and counts again. In a lab whose drives are memory they come back empty.',
  target: { gapMs: 20_000, backMs: 180_000, source: 'R3: one of four hosts off, 0 failed requests after client retry; the gap is what a client with timeouts of 5 s may wait' },
  touches: ['nodes'],
  needsPower: true,
  begin({ store, power }) {
    const victim = store.nodes.at(-1);
    if (victim === undefined || store.nodes.length < 4) throw failure('too-few-nodes', `this drill needs four nodes, and the store has ${String(store.nodes.length)}`);
    return Promise.resolve({
      what: `the power of ${victim.name} is cut, one of ${String(store.nodes.length)}`,
      byHand: power.byHand(victim),
      break: () => power.cut(victim),
      effect: (now) => (now.nodes.find((n) => n.name === victim.name)?.live === false ? undefined : `${victim.name} still answers`),
      effectSeconds: 30,
      holdSeconds: 10,
      heal: () => power.on(victim),
      backSeconds: 300,
    });
  },
};
