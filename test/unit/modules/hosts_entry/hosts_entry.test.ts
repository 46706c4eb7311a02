import { hostsEntryModule } from '../../../../src/modules/hosts_entry/index.ts';
import { goldenCases } from '../golden.ts';

goldenCases(hostsEntryModule, import.meta.url);
