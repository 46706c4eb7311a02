import { postgresqlExt } from '../../../../src/modules/postgresql_ext/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlExt, import.meta.url);
