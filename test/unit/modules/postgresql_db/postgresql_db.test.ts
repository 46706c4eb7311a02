import { postgresqlDb } from '../../../../src/modules/postgresql_db/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlDb, import.meta.url);
