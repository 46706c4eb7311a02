/** The end of what every service's monitor does: it looks on until it is stopped. */
import type { Monitor } from './service.ts';

/**
 * A monitor of loops that are under way.
 *
 * @param running ends when `stopping` was aborted; a defect in it is heard of when the monitor is stopped
 */
export function monitorOf<V>(view: () => V, running: Promise<unknown>, stopping: AbortController): Monitor<V> {
  running.catch(() => undefined);
  return {
    view,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
