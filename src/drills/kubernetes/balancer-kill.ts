import { failure } from '../../support/diagnostic.ts';
import { sh } from '../../support/shell.ts';
import type { KubernetesDrill } from './scene.ts';

const UNIT = 'care-kubernetes-api-lb.service';

/** All processes of a node's balancer are killed; systemd starts it again. */
export const balancerKill: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-balancer-kill',
  summary: "the API balancer of the client's node is killed (kill -9)",
  proves: 'Each node has its own way to the API, and that way is back by itself within seconds: what runs on the node waits that long, other nodes notice nothing. Nothing promised is lost.',
  target: { gapMs: 8_000, backMs: 30_000, source: 'R1.1: a balancer of its own on each node, which systemd starts again' },
  touches: ['nodes'],
  async begin({ cluster, hosts, clientNode }) {
    if (cluster.balancer !== 'local') throw failure('no-balancer', `this drill needs a balancer on each node, and the inventory says kubernetes_api_lb: ${cluster.balancer}`);
    const node = clientNode();
    const main = async (): Promise<string> => (await hosts.text(node, sh`systemctl show -p MainPID --value ${UNIT}`)).trim();
    const was = await main();
    if (was === '0' || was === '') throw failure('no-balancer', `${UNIT} does not run on ${node.name}`);
    return {
      what: `the client is on ${node.name}; the balancer there is killed`,
      byHand: `on ${node.name}: systemctl restart ${UNIT}`,
      async break() {
        await hosts.text(node, sh`systemctl kill -s KILL ${UNIT}`);
      },
      async effect() {
        const now = await main();
        return now !== was && now !== '0' ? undefined : 'it has not been started again';
      },
      effectSeconds: 30,
      // systemd does it.
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 90,
    };
  },
};
