/** From which web sites browsers may use a bucket (S3 API reference: CORSConfiguration). */
import { children, childText, xml, type Element } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export interface CorsRule {
  readonly allowed_origins: readonly string[];
  readonly allowed_methods: readonly string[];
  readonly allowed_headers: readonly string[];
  readonly expose_headers: readonly string[];
  /** Seconds. */
  readonly max_age_seconds: number | null;
}

function texts(of: Element, name: string): readonly string[] {
  return children(of, name).map((e) => e.text.trim());
}

export const cors = defineAspect<readonly CorsRule[]>({
  name: 'cors',
  label: 'CORS rules',
  subresource: 'cors',
  none: ['NoSuchCORSConfiguration'],
  read(body) {
    const rules = children(rootOf(body, 'CORSConfiguration'), 'CORSRule').map((rule): CorsRule => {
      const age = childText(rule, 'MaxAgeSeconds');
      return {
        allowed_origins: texts(rule, 'AllowedOrigin'),
        allowed_methods: texts(rule, 'AllowedMethod'),
        allowed_headers: texts(rule, 'AllowedHeader'),
        expose_headers: texts(rule, 'ExposeHeader'),
        max_age_seconds: age === undefined ? null : Number(age),
      };
    });
    return rules.length === 0 ? undefined : rules;
  },
  write: (rules) =>
    xml('CORSConfiguration', rules.map((rule) => xml('CORSRule', [
      ...rule.allowed_headers.map((h) => xml('AllowedHeader', h)),
      ...rule.allowed_methods.map((m) => xml('AllowedMethod', m)),
      ...rule.allowed_origins.map((o) => xml('AllowedOrigin', o)),
      ...rule.expose_headers.map((h) => xml('ExposeHeader', h)),
      xml('MaxAgeSeconds', rule.max_age_seconds ?? undefined),
    ]))),
});
