import { script } from '../../../../src/modules/script/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(script, import.meta.url);
