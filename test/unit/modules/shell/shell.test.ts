import { shell } from '../../../../src/modules/shell/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(shell, import.meta.url);
