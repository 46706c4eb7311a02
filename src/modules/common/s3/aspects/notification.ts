/** What a bucket tells others of (S3 API reference: NotificationConfiguration). MinIO knows queues alone, by the ARN of a target. */
import { child, children, childText, childWhole, xml, type Element } from '../../../../services/s3/xml.ts';
import { defineAspect, rootOf } from '../aspect.ts';

export interface Notification {
  readonly id: string;
  readonly arn: string;
  /** In alphabetical order. */
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

function filters(of: Element): ReadonlyMap<string, string> {
  const key = child(child(of, 'Filter') ?? of, 'S3Key');
  return new Map((key === undefined ? [] : children(key, 'FilterRule')).map((rule) => [(childText(rule, 'Name') ?? '').toLowerCase(), childWhole(rule, 'Value') ?? '']));
}

export const notification = defineAspect<readonly Notification[]>({
  name: 'notification',
  label: 'notifications',
  subresource: 'notification',
  none: [],
  clear: xml('NotificationConfiguration', []),
  read(body) {
    const queues = children(rootOf(body, 'NotificationConfiguration'), 'QueueConfiguration').map((queue): Notification => {
      const by = filters(queue);
      return {
        id: childText(queue, 'Id') ?? '',
        arn: childText(queue, 'Queue') ?? '',
        events: children(queue, 'Event').map((e) => e.text.trim()).sort(),
        prefix: by.get('prefix') ?? '',
        suffix: by.get('suffix') ?? '',
      };
    });
    return queues.length === 0 ? undefined : queues.sort((a, b) => (a.id < b.id ? -1 : 1));
  },
  write: (all) =>
    xml('NotificationConfiguration', all.map((one) => {
      const rules = [['prefix', one.prefix], ['suffix', one.suffix]].filter(([, value]) => value !== '').map(([name = '', value = '']) => xml('FilterRule', [xml('Name', name), xml('Value', value)]));
      return xml('QueueConfiguration', [xml('Id', one.id), ...(rules.length === 0 ? [] : [xml('Filter', [xml('S3Key', rules)])]), xml('Queue', one.arn), ...one.events.map((e) => xml('Event', e))]);
    })),
});
