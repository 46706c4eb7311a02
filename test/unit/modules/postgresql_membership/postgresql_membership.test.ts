import { postgresqlMembership } from '../../../../src/modules/postgresql_membership/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(postgresqlMembership, import.meta.url);
