import { s3Lifecycle } from '../../../../src/modules/s3_lifecycle/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3Lifecycle, import.meta.url);
