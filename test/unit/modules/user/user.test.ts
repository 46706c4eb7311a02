import { userModule } from '../../../../src/modules/user/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(userModule, import.meta.url);
