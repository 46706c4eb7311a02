import { timezoneModule } from '../../../../src/modules/timezone/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(timezoneModule, import.meta.url);
