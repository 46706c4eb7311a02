import { postgresqlInfo } from '../../../../src/modules/postgresql_info/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlInfo, import.meta.url);
