import { systemdModule } from '../../../../src/modules/systemd/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(systemdModule, import.meta.url);
