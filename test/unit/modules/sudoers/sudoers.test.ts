import { sudoersModule } from '../../../../src/modules/sudoers/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(sudoersModule, import.meta.url);
