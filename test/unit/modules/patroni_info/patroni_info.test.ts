import { patroniInfo } from '../../../../src/modules/patroni_info/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(patroniInfo, import.meta.url);
