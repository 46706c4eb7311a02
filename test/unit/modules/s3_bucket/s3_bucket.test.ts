import { s3Bucket } from '../../../../src/modules/s3_bucket/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(s3Bucket, import.meta.url);
