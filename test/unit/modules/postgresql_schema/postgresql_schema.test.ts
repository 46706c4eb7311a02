import { postgresqlSchema } from '../../../../src/modules/postgresql_schema/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlSchema, import.meta.url);
