/** One page of what a bucket holds (S3 API reference, ListObjectsV2). Pure. */
import { child, children, childText, childWhole, parseXml } from './xml.ts';

export interface Listed {
  /** Its whole name in the bucket. */
  readonly key: string;
  readonly bytes: number;
  /** ISO 8601: when it was stored. */
  readonly stored: string;
}

export interface ListingPage {
  readonly objects: readonly Listed[];
  /** What the next page is asked with (`continuation-token`); undefined for the last. */
  readonly next: string | undefined;
}

/** The query of one page. @param next of the page before; undefined for the first */
export function listingQuery(prefix: string, next?: string): Readonly<Record<string, string>> {
  return { 'list-type': '2', prefix, ...(next === undefined ? {} : { 'continuation-token': next }) };
}

/** @throws Error when it is no XML, or an object has no size */
export function listingPage(text: string): ListingPage {
  const root = parseXml(text);
  const objects = children(root, 'Contents').map((entry) => {
    const key = childWhole(entry, 'Key') ?? '';
    const bytes = Number(childText(entry, 'Size') ?? 'NaN');
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Error(`the store tells no size of ${key}`);
    return { key, bytes, stored: childText(entry, 'LastModified') ?? '' };
  });
  return { objects, next: childText(root, 'IsTruncated') === 'true' ? child(root, 'NextContinuationToken')?.text : undefined };
}
