import { knownHostsModule } from '../../../../src/modules/known_hosts/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(knownHostsModule, import.meta.url);
