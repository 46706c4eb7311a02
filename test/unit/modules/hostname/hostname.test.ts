import { hostnameModule } from '../../../../src/modules/hostname/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(hostnameModule, import.meta.url);
