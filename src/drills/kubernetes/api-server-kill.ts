import { sh } from '../../support/shell.ts';
import type { KubernetesDrill } from './scene.ts';

/** The API server that answers the client is killed; the balancer leads to another one, and kubelet starts it again. */
export const apiServerKill: KubernetesDrill = {
  service: 'kubernetes',
  name: 'kubernetes-api-server-kill',
  summary: 'the API server that answers the client is killed (kill -9)',
  proves: 'The balancer leads to another API server at once, kubelet starts the one that was killed, and nothing promised is lost. Within ten minutes kubelet waits longer before each further start of the same one (CrashLoopBackOff), so that several runs take longer and longer to be whole.',
  target: { gapMs: 8_000, backMs: 300_000, source: 'R1.1: no gap > 15 s for a whole host; a balancer leads elsewhere when one server alone is gone' },
  touches: ['control planes'],
  async begin({ hosts, servedBy, leader }) {
    const served = servedBy();
    const victim = served ?? leader;
    const main = async (): Promise<string> => (await hosts.text(victim, sh`pgrep -x kube-apiserver | head -n 1`)).trim();
    const was = await main();
    return {
      what: served === undefined ? `the API server of ${victim.name} is killed` : `the API server of ${victim.name} answers the client; it is killed`,
      byHand: `on ${victim.name}: systemctl restart kubelet; crictl ps -a --name kube-apiserver`,
      async break() {
        await hosts.text(victim, sh`kill -KILL ${was}`);
      },
      async effect() {
        const now = await main();
        return now !== was && now !== '' ? undefined : 'kubelet has not started it again';
      },
      effectSeconds: 300,
      // kubelet does it.
      healsItself: true,
      heal: () => Promise.resolve(),
      backSeconds: 360,
    };
  },
};
