import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Of the unit tests' time more than half is waiting, for shells and time-outs: two files a processor fill it.

/** Hosts of a lab are slow next to functions; images may have to be built first. */
const onHosts = { fileParallelism: false, globalSetup: ['test/support/temporary-directory.ts', 'test/integration/support/global-setup.ts'] };

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000, maxWorkers: 2 * availableParallelism(), sequence: { groupOrder: 1 }, globalSetup: ['test/support/temporary-directory.ts'] } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 600_000, ...onHosts } },
      { test: { name: 'drills', include: ['test/drills/**/*.test.ts'], testTimeout: 900_000, hookTimeout: 900_000, ...onHosts } },
      { test: { name: 'vm', include: ['test/vm/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000, ...onHosts } },
    ],
  },
});
