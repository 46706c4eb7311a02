import { localeModule } from '../../../../src/modules/locale/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(localeModule, import.meta.url);
