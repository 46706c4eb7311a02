/**
 * People come from Jinja and from Go templates. What they write by habit is recognised and answered
 * with the way to write it here.
 */

export interface LookAlike {
  readonly summary: string;
  readonly remedy: string;
}

const JINJA_TAG = /\{%[-+]?\s*(if|elif|else|endif|for|endfor|set|endset|macro|endmacro|include|import|from|block|endblock|raw|endraw|filter|endfilter|with|endwith|call)\b/;
const JINJA_COMMENT = /(?<!\$)\{#-?\s[^{}]*?\s-?#\}/;

const TAG_REMEDY: Readonly<Record<string, string>> = {
  if: 'write {{#if condition}} … {{else}} … {{/if}}, with helpers for comparisons: {{#if (eq a b)}}',
  for: 'write {{#each list as |item|}} … {{/each}}',
  set: 'write {{#with (helper …) as |name|}} … {{/with}}, or define a variable',
  raw: 'write {{{{raw}}}} … {{{{/raw}}}}',
};

/** A Jinja statement or comment in plain text, which Handlebars would print as it stands. */
export function jinjaInText(text: string): (LookAlike & { readonly offset: number; readonly length: number }) | undefined {
  const tag = JINJA_TAG.exec(text);
  if (tag !== null) {
    const word = (tag[1] ?? '').replace(/^(end|el(?=if|se))/, '');
    const kind = word === 'se' ? 'if' : word;
    return {
      offset: tag.index,
      length: tag[0].length,
      summary: `${tag[0]} is Jinja: templates here are Handlebars`,
      remedy: TAG_REMEDY[kind] ?? 'see docs/templates.md; text that must stay as it is goes between {{{{raw}}}} and {{{{/raw}}}}',
    };
  }
  const comment = JINJA_COMMENT.exec(text);
  if (comment !== null) {
    return {
      offset: comment.index,
      length: comment[0].length,
      summary: '{# … #} is a Jinja comment: it would be printed',
      remedy: 'write {{! … }} or {{!-- … --}}; text that must stay as it is goes between {{{{raw}}}} and {{{{/raw}}}}',
    };
  }
  return undefined;
}

const LITERAL = 'to print braces as they are, write \\{{ … }} or put the text between {{{{raw}}}} and {{{{/raw}}}}';

/** @param inner what stands between the braces of the mustache that does not parse */
export function explainMustache(inner: string): LookAlike | undefined {
  const text = inner.trim();
  const filter = /^(.+?)\s*\|\s*([A-Za-z_][\w.]*)\s*(?:\((.*)\))?/.exec(text);
  if (filter !== null) {
    const [, value = 'x', name = 'default', args = ''] = filter;
    const call = [name.split('.').at(-1) ?? name, value.trim(), ...args.split(',').map((a) => a.trim().replace(/^'(.*)'$/, '"$1"'))].filter((w) => w !== '').join(' ');
    return { summary: `| ${name} is a Jinja filter`, remedy: `helpers come first here: {{ ${call} }}` };
  }
  if (/^\.[A-Za-z]/.test(text) || /^(?:range|if|with|template|include|end|define|block)\b.*(?:\s|\()\.[A-Za-z]/.test(text)) {
    return { summary: 'this looks like a Go template', remedy: `${LITERAL}; a variable is written without a leading dot` };
  }
  const index = /^([\w.]+)\[(['"]?)([^\]'"]+)\2\]/.exec(text);
  if (index !== null) {
    const [, base = 'x', , key = '0'] = index;
    return { summary: 'x[…] is not how parts are named here', remedy: `write {{ ${base}.[${key}] }}, or {{ get ${base} key }} when the key is in a variable` };
  }
  const number = /([\w]+)\.(\d+)\b/.exec(text);
  if (number !== null) return { summary: 'an item of a list is named with brackets', remedy: `write ${number[1] ?? 'list'}.[${number[2] ?? '0'}]` };
  const call = /^(\w+)\s*\((.*)\)$/.exec(text) ?? /(\w+)\((.*)\)/.exec(text);
  if (call !== null) {
    const [, name = 'helper', args = ''] = call;
    const list = args.split(',').map((a) => a.trim().replace(/^'(.*)'$/, '"$1"')).join(' ');
    return { summary: 'helpers take their arguments without parentheses and commas', remedy: `write {{ ${name} ${list} }}`.replaceAll(/ +/g, ' ') };
  }
  const operator = /^(.+?)\s(==|!=|<=|>=|<|>|\+|-|\*|\/|%|~)\s(.+)$/.exec(text);
  if (operator !== null) {
    const names: Readonly<Record<string, string>> = { '==': 'eq', '!=': 'ne', '<': 'lt', '<=': 'le', '>': 'gt', '>=': 'ge', '+': 'add', '-': 'sub', '*': 'mul', '/': 'div', '%': 'mod', '~': 'concat' };
    const [, left = 'a', sign = '==', right = 'b'] = operator;
    return { summary: `there is no operator ${sign} in templates`, remedy: `write {{ ${names[sign] ?? 'eq'} ${left.trim()} ${right.trim()} }}` };
  }
  if (text.includes("'") && /\bin\b|\bnot\b/.test(text)) return { summary: 'this is not a call of a helper', remedy: 'helpers come first: {{ in item list }}, {{ not x }}' };
  return undefined;
}

/** Advice for a helper name that nobody knows. */
export function explainCall(name: string, argumentNames: readonly string[]): LookAlike | undefined {
  if (name === '-' || argumentNames.at(-1) === '-') return { summary: '{{- … -}} trims blanks in Jinja and Go', remedy: 'write {{~ … ~}}' };
  if (argumentNames[0] === 'if') return { summary: 'a if b else c is Jinja', remedy: 'write {{ ternary b a c }}' };
  if (argumentNames[0] === 'in' || argumentNames[0] === 'not' || argumentNames[0] === 'and' || argumentNames[0] === 'or' || argumentNames[0] === 'is') {
    return { summary: `${argumentNames[0]} does not stand between its operands here`, remedy: `helpers come first: {{ ${argumentNames[0] === 'is' ? 'defined x' : `${argumentNames[0]} a b`} }}` };
  }
  if (['range', 'with', 'if', 'template', 'define', 'block', 'printf', 'include'].includes(name)) return { summary: 'this looks like a Go template', remedy: LITERAL };
  return undefined;
}

/** Advice for a variable name that nobody knows. */
export function explainVariable(name: string): string | undefined {
  if (name.startsWith('$')) return `${name} looks like a variable of a Go template (Prometheus, Alertmanager, Helm): ${LITERAL}`;
  if (['range', 'template', 'include', 'define', 'block', 'printf'].includes(name)) return `${name} looks like a Go template (Helm, Prometheus): ${LITERAL}`;
  if (name === 'end') return `{{ end }} belongs to Go templates: ${LITERAL}`;
  if (name === 'endif' || name === 'endfor') return 'blocks end with {{/if}} and {{/each}}';
  return undefined;
}
