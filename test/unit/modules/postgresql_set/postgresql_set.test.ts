import { postgresqlSet } from '../../../../src/modules/postgresql_set/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlSet, import.meta.url);
