/** A strict reader of the XML that these tests look at: throws on anything not well-formed. Entities stay as written. */
export interface XmlNode {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: XmlNode[];
  text: string;
}

export const XMLParser = {
  parse(xml: string): XmlNode {
    // XML 1.0 production 2, Char.
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(xml)) throw new Error('a character that XML cannot hold');
    if (/&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(xml)) throw new Error('a bare ampersand');
    const top: XmlNode = { name: '', attributes: {}, children: [], text: '' };
    const stack = [top];
    let rest = xml.replace(/^<\?xml version="1.0" encoding="UTF-8"\?>\n/, '');
    const token = /^<(\/?)([a-z-]+)((?:\s+[a-z]+="[^"<]*")*)\s*(\/?)>|^([^<]+)/;
    while (rest !== '') {
      const match = token.exec(rest);
      if (match === null) throw new Error(`not well-formed at ${rest.slice(0, 40)}`);
      rest = rest.slice(match[0].length);
      const here = stack.at(-1);
      if (here === undefined) throw new Error('closed too often');
      const [, slash, name = '', attributes = '', self, text] = match;
      if (text !== undefined) here.text += text;
      else if (slash === '/') {
        if (here.name !== name) throw new Error(`</${name}> closes <${here.name}>`);
        stack.pop();
      } else {
        const node: XmlNode = { name, attributes: Object.fromEntries([...attributes.matchAll(/([a-z]+)="([^"]*)"/g)].map((m) => [m[1] ?? '', m[2] ?? ''])), children: [], text: '' };
        here.children.push(node);
        if (self !== '/') stack.push(node);
      }
    }
    if (stack.length !== 1) throw new Error('not closed');
    const [root] = top.children;
    if (root === undefined) throw new Error('empty');
    return root;
  },
};
