/** Facts about the host as such: name, time zone, locales. */
import { quote } from '../../support/shell.ts';
import { defineQuery } from '../define-query.ts';
import { claimHolds, outputLines, section } from './claims.ts';

export interface HostnameFact {
  /** What /etc/hostname says; undefined when there is no such file. */
  readonly configured: string | undefined;
  /** The kernel's. */
  readonly running: string;
}

const hostnameOf = defineQuery<'', HostnameFact>({
  name: 'hostname',
  lasting: true,
  id: (key) => key,
  describe: () => 'hostname',
  probe: () => 'uname -n\ncare_mark\ncat /etc/hostname 2>/dev/null',
  parse: (keys, output) => {
    const [running] = outputLines(output.head);
    if (running === undefined) throw new Error('uname -n printed nothing');
    // hostname(5): the first line that is neither empty nor a comment.
    const configured = outputLines(section(output.sections, 0)).find((line) => !line.startsWith('#'))?.trim();
    return keys.map(() => ({ configured, running }));
  },
  same: claimHolds,
  show: (fact) => `${fact.running} (configured: ${fact.configured ?? 'none'})`,
  paths: () => ['/etc/hostname'],
});
export const hostname = hostnameOf('');

export interface TimezoneFact {
  /** Zone that /etc/localtime leads to; undefined when it is no link into the zone database. */
  readonly current: string | undefined;
  /** What /etc/timezone says; undefined when the host has no such file. */
  readonly file: string | undefined;
  /** The zone database has the zone asked about. */
  readonly known: boolean;
}

/** The host's time zone, and whether it knows the zone of the key. */
export const timezone = defineQuery<string, TimezoneFact>({
  name: 'timezone',
  lasting: true,
  id: (zone) => zone,
  describe: (zone) => `time zone ${zone}`,
  probe: (zones) =>
    `readlink /etc/localtime\ncare_mark\ncat /etc/timezone 2>/dev/null\ncare_mark\nfor z in ${zones.map(quote).join(' ')}; do [ ! -f "/usr/share/zoneinfo/$z" ] || printf '%s\\n' "$z"; done`,
  parse: (zones, output) => {
    const [, current] = /zoneinfo\/(.+)$/.exec(output.head.toString('utf8').trim()) ?? [];
    const [file] = outputLines(section(output.sections, 0));
    const known = new Set(outputLines(section(output.sections, 1)));
    return zones.map((zone) => ({ current, file: file?.trim(), known: known.has(zone) }));
  },
  same: claimHolds,
});

/** A locale's name as `locale -a` writes it: `en_US.UTF-8` is `en_us.utf8`. */
export function localeKey(name: string): string {
  const [language = '', ...codeset] = name.split('.');
  return [language.toLowerCase(), ...codeset.map((part) => part.toLowerCase().replaceAll('-', ''))].join('.');
}

/** Whether a locale can be used on the host. */
export const locale = defineQuery<string, boolean>({
  name: 'locale',
  lasting: true,
  id: localeKey,
  describe: (name) => `locale ${name}`,
  probe: () => 'locale -a 2>/dev/null',
  parse: (names, output) => {
    const there = new Set(outputLines(output.head).map(localeKey));
    return names.map((name) => there.has(localeKey(name)));
  },
});
