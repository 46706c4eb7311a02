/** Unit test files share processes: none finds what another has left of secrets, of the environment, or of spies. */
import { afterAll, vi } from 'vitest';
import { forgetSecrets } from '../../src/support/secret.ts';

forgetSecrets();
afterAll(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
