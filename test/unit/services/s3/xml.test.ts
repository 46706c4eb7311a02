import { expect, test } from 'vitest';
import { child, children, childText, parseXml, xml } from '../../../../src/services/s3/xml.ts';

test('what is written is read again, whatever the text holds', () => {
  const text = `a & b < c > "d" 'e'\r\n\tü`;
  const root = parseXml(xml('Root', [xml('One', text), xml('Many', 1), xml('Many', true), xml('None', undefined)]));
  expect(root.name).toBe('Root');
  expect(child(root, 'One')?.text).toBe(text);
  expect(children(root, 'Many').map((e) => e.text)).toEqual(['1', 'true']);
  expect(childText(root, 'None')).toBeUndefined();
});

test('what is no XML is an error', () => {
  expect(() => parseXml('<a>')).toThrow();
  expect(() => parseXml('')).toThrow();
});
