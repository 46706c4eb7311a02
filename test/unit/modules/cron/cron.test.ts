import { cronModule } from '../../../../src/modules/cron/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(cronModule, import.meta.url);
