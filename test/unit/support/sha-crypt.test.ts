import { describe, expect, it } from 'vitest';
import { sha512Crypt } from '../../../src/support/sha-crypt.ts';

const VECTORS = [
  ['Hello world!', 'saltstring', '$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1'],
  ['x', 'a', '$6$a$AvQLBHPFSbE4d9QOBrglBdXuv.jRoEFLHgWJlsZ6XhNHrxkMbotj9kAr0GGhdZ5XM6DM29/LJ9jZin3Aj8Tph0'],
  ['pässwörd with blanks', '0123456789abcdefMORE', '$6$0123456789abcdef$1KCEG1C8hAYJpYPni3nJ.HY613b7Im7xo4zLK2oQfVs.UIjVhEDBmyuJZ1iDueO43J8rBdgn6X8/EDlV7z4D8/'],
  ['a'.repeat(70), 'saltsalt', '$6$saltsalt$5V6Phj3gZ8UvpCgziPIplxjenBzhC0EVCkTpjo4xE83r6/ymi41ClmoTnMIHlmU4mxZg31n3vSkmL05tDvpiG1'],
] as const;

describe('SHA-512-crypt', () => {
  // The first is of Drepper's text; the others were made by `openssl passwd -6 -salt SALT` (OpenSSL 3.0).
  it.each(VECTORS)('of %j with salt %j', (password, salt, hash) => {
    expect(sha512Crypt(password, salt)).toBe(hash);
  });
  it('refuses a salt that would change the form of the hash', () => {
    expect(() => sha512Crypt('x', 'a$b')).toThrow('salt');
    expect(() => sha512Crypt('x', '')).toThrow('salt');
  });
});
