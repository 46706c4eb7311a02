import { s3Policy } from '../../../../src/modules/s3_policy/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3Policy, import.meta.url);
