import { serviceModule } from '../../../../src/modules/service/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(serviceModule, import.meta.url);
