import { sysctlModule } from '../../../../src/modules/sysctl/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(sysctlModule, import.meta.url);
