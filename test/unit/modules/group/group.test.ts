import { groupModule } from '../../../../src/modules/group/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(groupModule, import.meta.url);
