import { authorizedKeyModule } from '../../../../src/modules/authorized_key/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(authorizedKeyModule, import.meta.url);
