import { template } from '../../../../src/modules/template/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(template, import.meta.url);
