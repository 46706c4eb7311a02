import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Of the unit tests' time more than half is waiting, for shells and time-outs: three files a processor fill it.

const unit = { testTimeout: 20_000, maxWorkers: 3 * availableParallelism(), sequence: { groupOrder: 1 }, globalSetup: ['test/support/temporary-directory.ts'] };
/** Files that replace modules (vi.mock), which those that others have loaded already don't notice. */
const MOCKING = 'test/unit/**/*.isolated.test.ts';

/** Hosts of a lab are slow next to functions; images may have to be built first. */
const onHosts = { fileParallelism: false, globalSetup: ['test/support/temporary-directory.ts', 'test/integration/support/global-setup.ts'] };

export default defineConfig({
  test: {
    projects: [
      // Loading the program anew for each of hundreds of files took more than half of the processors' time; what a file leaves to the next is swept.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], exclude: [MOCKING], isolate: false, setupFiles: ['test/support/fresh-file.ts'], ...unit } },
      { test: { name: 'unit-isolated', include: [MOCKING], ...unit } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 600_000, ...onHosts } },
      { test: { name: 'drills', include: ['test/drills/**/*.test.ts'], testTimeout: 900_000, hookTimeout: 900_000, ...onHosts } },
      { test: { name: 'vm', include: ['test/vm/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000, ...onHosts } },
      { test: { name: 'vm-long', include: ['test/vm/long/*.test.ts'], testTimeout: 600_000, hookTimeout: 900_000, ...onHosts } },
    ],
  },
});
