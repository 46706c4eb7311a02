import { systemdUnitModule } from '../../../../src/modules/systemd_unit/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(systemdUnitModule, import.meta.url);
