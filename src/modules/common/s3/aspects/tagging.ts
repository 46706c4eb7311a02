/** Tags of a bucket (S3 API reference: Tagging). */
import { child, children, childWhole, xml } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export type Tags = Readonly<Record<string, string>>;

export const tagging = defineAspect<Tags>({
  name: 'tagging',
  label: 'tags',
  subresource: 'tagging',
  none: ['NoSuchTagSet', 'NoSuchTagSetError'],
  read(body) {
    const set = child(rootOf(body, 'Tagging'), 'TagSet');
    const tags = set === undefined ? [] : children(set, 'Tag');
    return tags.length === 0 ? undefined : Object.fromEntries(tags.map((tag) => [childWhole(tag, 'Key') ?? '', childWhole(tag, 'Value') ?? '']));
  },
  write: (tags) => xml('Tagging', [xml('TagSet', Object.entries(tags).map(([key, value]) => xml('Tag', [xml('Key', key), xml('Value', value)])))]),
});
