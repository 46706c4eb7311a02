import { debconfModule } from '../../../../src/modules/debconf/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(debconfModule, import.meta.url);
